//! pages DIRECTORY: writes the manual pages of `virt-bridge`.

use std::error::Error;
use std::fs;
use std::path::Path;

use clap_mangen::Man;

/// What the definition of the command line does not know.
const MORE: &str = r#".SH REHEARSALS
\fBplan \-\-rehearse\fR and \fBup \-\-rehearse\fR carry the plan out on a copy of the host first, and undo it there.
The copy is made from the kernel's own account of links, addresses, routes, rules, neighbours and settings, in a network
namespace without a name that ends with the command, however that ends; stand\-ins answer for the routers.
Told are the time of each phase, the outage that probes in both directions have met, the kernel's reason for each step that
it refused, whatever was not afterwards as predicted, or after the way back as before, and what could not be rehearsed:
hardware and its driver, taps, bonds and VLAN interfaces as uplinks (a veth stands in), the LAN, packet filters, traffic
control, forwarding tables.
A rehearsal that fails, or does not end as predicted, makes \fBplan\fR end with 1, and \fBup\fR before anything is changed.
It needs the capabilities CAP_NET_ADMIN and CAP_SYS_ADMIN.
.SH "EXIT STATUS"
.TP
0
Done, or nothing to do.
.TP
1
Failed, and nothing was changed.
.TP
2
Wrong usage.
.TP
3
Failed, and the host is as it was before.
.TP
4
Failed, and somebody must look.
.SH FILES
.TP
.I /etc/virt\-bridge.toml
The configuration; \fI/etc/virt\-bridge.d/*.toml\fR come later and win.
.TP
.I /run/virt\-bridge/
How to go back, and what is being done.
.SH "SEE ALSO"
.BR virt\-bridge.toml (5),
.BR virt\-bridge\-hooks (7),
.BR bridge (8),
.BR virsh (1)
"#;

/// What scripts read.
const JSON: &str = include_str!("json.roff");

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args_os().nth(1).ok_or("usage: pages DIRECTORY")?;
    write(Path::new(&directory))
}

fn write(directory: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(directory)?;
    let mut command = virt_bridge::cli::command().disable_help_subcommand(true);
    command.build();
    write_pages(&command, directory)
}

/// One page for each verb, as git has them, and one for the whole.
fn write_pages(command: &clap::Command, directory: &Path) -> Result<(), Box<dyn Error>> {
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    let is_the_whole = command.get_name() == "virt-bridge";
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    // Without a date of its own, so that the same source gives the same page.
    let man = Man::new(command.clone()).title(&name).section("8").manual("virt-bridge").date("");
    let mut page = Vec::new();
    man.render(&mut page)?;
    let more = [JSON, MORE].concat();
    page.extend_from_slice(if is_the_whole { &more } else { ".SH \"SEE ALSO\"\n.BR virt\\-bridge (8)\n" }.as_bytes());
    fs::write(directory.join(format!("{name}.8")), page)?;
    verbs.into_iter().try_for_each(|verb| write_pages(verb, directory))
}
