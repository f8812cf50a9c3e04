//! An administrator at the prompt of a shell.

use super::Lab;
use super::terminal::Terminal;

/// The end of a prompt that begins with the exit code of the last command.
const PROMPT: &str = "] host# ";

/// An interactive bash on a terminal of its own, whose screen is read from its top to its end, once.
pub struct Shell {
    terminal: Terminal,
    /// How much of the screen is read.
    read: usize,
}

impl Shell {
    /// Logs in on the lab's host.
    pub fn open(lab: &Lab) -> Self {
        let variables = ["LC_ALL=C.UTF-8", "HISTFILE=/dev/null", "PS1=[$?] host# "];
        let command = [&["env"], &variables[..], &["bash", "--norc", "--noprofile", "-i"]].concat();
        let mut shell = Shell { terminal: Terminal::run(lab, &command, ""), read: 0 };
        shell.prompt();
        // Nobody else has told the terminal how wide it is.
        shell.run("stty columns 120 rows 40");
        shell
    }

    /// Types `keys`.
    pub fn press(&mut self, keys: &str) {
        self.terminal.press(keys);
    }

    /// Waits until the screen shows `text` behind what is read, and reads to its end.
    pub fn see(&mut self, text: &str) -> String {
        self.terminal.wait_behind(self.read, text);
        let mut seen = self.terminal.screen().split_off(self.read);
        seen.truncate(seen.find(text).unwrap() + text.len());
        self.read += seen.len();
        seen
    }

    /// Waits until `text` and a prompt are behind what is read, whichever comes first, and reads all there is.
    pub fn see_beside_prompt(&mut self, text: &str) -> String {
        [text, PROMPT].iter().for_each(|text| self.terminal.wait_behind(self.read, text));
        let seen = self.terminal.screen().split_off(self.read);
        self.read += seen.len();
        seen
    }

    /// Reads to the next prompt: the exit code that it begins with, and all before it.
    pub fn prompt(&mut self) -> (u8, String) {
        let seen = self.see(PROMPT);
        let (shown, code) = seen.trim_end_matches(PROMPT).rsplit_once('[').unwrap();
        (code.parse().unwrap(), shown.to_owned())
    }

    /// Types `command` and Enter, and reads to the next prompt.
    pub fn attempt(&mut self, command: &str) -> (u8, String) {
        self.press(&format!("{command}\n"));
        self.prompt()
    }

    /// What the screen shows of `command`, which must succeed.
    pub fn run(&mut self, command: &str) -> String {
        let (code, shown) = self.attempt(command);
        assert_eq!(code, 0, "{shown}");
        shown
    }

    /// Logs out.
    pub fn close(mut self) {
        self.press("exit\n");
        assert!(self.terminal.end().success(), "{}", self.terminal.screen());
    }
}
