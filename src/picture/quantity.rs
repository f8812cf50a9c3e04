//! Quantities as people read them.

/// `1.2 MB`: three digits at most, in powers of 1000.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1000.0;
    let mut unit = 0;
    // What would be rounded up to 1000 is 1 of the next unit.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if value < 9.95 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

/// `1.2 MB/s` of what has come in `seconds`.
pub fn rate(count: u64, seconds: f64) -> String {
    let per_second = if seconds > 0.0 { (count as f64 / seconds).round() as u64 } else { 0 };
    format!("{}/s", bytes(per_second))
}

/// `10 Gbit/s` of a speed in Mbit/s.
pub fn speed(megabits: u32) -> String {
    match megabits {
        whole if whole >= 1000 && whole % 1000 == 0 => format!("{} Gbit/s", whole / 1000),
        fraction if fraction >= 1000 => format!("{:.1} Gbit/s", f64::from(fraction) / 1000.0),
        small => format!("{small} Mbit/s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_honest() {
        for (count, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (9_949, "9.9 kB"),
            (9_950, "10 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (1_234_567_890, "1.2 GB"),
            (u64::MAX, "18 EB"),
        ] {
            assert_eq!(bytes(count), shown);
        }
        assert_eq!(rate(3_000, 2.0), "1.5 kB/s");
        assert_eq!(rate(3_000, 0.0), "0 B/s");
        assert_eq!([speed(100), speed(1000), speed(2500)], ["100 Mbit/s", "1 Gbit/s", "2.5 Gbit/s"]);
    }
}
