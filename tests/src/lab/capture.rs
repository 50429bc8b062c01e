//! Seeing frames on the wire.

use std::path::Path;
use std::time::Duration;

use super::netns::Netns;
use super::process::Process;
use super::wait::wait_until;

/// How long tcpdump may take to start.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// A running capture of one link.
pub struct Capture {
    process: Process,
}

/// One captured frame, as tcpdump tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The 802.1Q VLAN id, if the frame is tagged.
    pub vlan: Option<u16>,
    /// The whole line.
    pub text: String,
}

impl Capture {
    /// Captures what `filter` takes on `link` in `netns`; returns once it does.
    ///
    /// # Errors
    ///
    /// tcpdump does not start.
    pub fn start(netns: &Netns, link: &str, dir: &Path, filter: &str) -> anyhow::Result<Self> {
        let name = format!("capture-{}-{link}", netns.name());
        let args = ["-l", "-e", "-n", "--immediate-mode", "-i", link];
        let tcpdump = netns
            .command("tcpdump")
            .args(args)
            .args(filter.split_whitespace());
        let process = Process::start(&name, dir, tcpdump)?;
        wait_until("tcpdump to listen", START_DEADLINE, || {
            let log = process.log();
            if log.contains("listening on") {
                Ok(())
            } else {
                Err(log)
            }
        })?;
        Ok(Self { process })
    }

    /// The frames captured so far.
    pub fn frames(&self) -> Vec<Frame> {
        self.process
            .log()
            .lines()
            .filter(|line| line.contains("ethertype"))
            .map(|line| Frame {
                vlan: vlan_of(line),
                text: line.to_owned(),
            })
            .collect()
    }

    /// Waits until a frame for which `is_it` holds was captured.
    ///
    /// # Errors
    ///
    /// None came by the deadline; says what did.
    pub fn wait_for(&self, what: &str, is_it: impl Fn(&Frame) -> bool) -> anyhow::Result<Frame> {
        wait_until(what, Duration::from_secs(10), || {
            let frames = self.frames();
            match frames.iter().find(|frame| is_it(frame)) {
                Some(frame) => Ok(frame.clone()),
                None => Err(self.process.log()),
            }
        })
    }
}

/// The id in tcpdump's `… ethertype 802.1Q (0x8100), length 102: vlan 100, p 0, …`.
fn vlan_of(line: &str) -> Option<u16> {
    let rest = line.split_once("802.1Q")?.1.split_once(": vlan ")?.1;
    rest.split(',').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vlan_is_read_from_a_tagged_frame_only() {
        let tagged = "12:00:00.1 02:01:0a:01:00:0a > 02:01:0a:01:00:0b, ethertype 802.1Q (0x8100), \
                      length 102: vlan 100, p 0, ethertype IPv4 (0x0800), 10.1.0.10 > 10.1.0.11";
        let plain = "12:00:00.1 02:01:0a:01:00:0a > 02:01:0a:01:00:0b, ethertype IPv4 (0x0800), \
                     length 98: 10.1.0.10 > 10.1.0.11: ICMP echo request";
        assert_eq!(vlan_of(tagged), Some(100));
        assert_eq!(vlan_of(plain), None);
    }
}
