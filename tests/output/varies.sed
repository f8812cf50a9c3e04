# What differs from run to run and from kernel to kernel, replaced: everything else is held word by word.

# Lengths of time; a bare JSON number is one where its name says so.
s/[0-9]+(\.[0-9]+)? ?(ns|µs|ms)\b/TIME/g
s/^( *"(time|commit|prepare|routers after|routers before|switch|verify)": )[0-9]+/\1TIME/
/^ *"(commit|prepare|routers after|routers before|switch|verify)",$/{n;s/[0-9]+/TIME/}
s/  +TIME/  TIME/
s/goes back in [0-9]+ s /goes back in TIME /
s/[0-9]{4}-[0-9]{2}-[0-9]{2} at [0-9:]{8} UTC/DAY/

# Counters, and what was learnt or overheard meanwhile.
s/(↓|↑) +[0-9.]+ [kMG]?B/\1 COUNT/g
s/^( *"(received|sent)_(bytes|packets)": )[0-9]+/\1COUNT/
s/[0-9]+ (neighbour|frame|step)s?\b/COUNT \1s/g
s/(machines learnt behind it|frames in [^:]*): [0-9]+/\1: COUNT/g
s/of [0-9]+ probes [0-9]+ were/of COUNT probes COUNT were/
s/(steps the longest: ).*/\1STEPS/
/^ *"?(know|forget) neighbour |^ *"forget neighbour /d

# The kernel's numbers of links, its messages, and the IPv6 settings that it knows.
s/^( *"index": )[0-9]+/\1INDEX/
s/^( *"raw": )"[0-9a-f]+"/\1"BYTES"/
s/(have IPv6 settings ).*( \(written)/\1SETTINGS\2/
/^ *"ipv6_settings": \[$/,/^ {4}\]/{/"ipv6_settings"/!d;s/\[/[SETTINGS],/}
s/^( *"outage_microseconds": )[0-9]+/\1TIME/
s/^( *"(microseconds|sent|lost)": )[0-9]+/\1COUNT/
