//! Network namespaces: a provider on a network of its own, whose ways to single servers can be cut so
//! that packets vanish and nobody says so.

use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

/// Names and addresses of this process, so that two runs do not meet.
static COUNT: AtomicU8 = AtomicU8::new(0);
/// An address of no card.
const NOBODY: &str = "02:00:00:00:00:99";

/// A network with three addresses on our side, so that each server can be cut off alone.
pub struct Network {
    name: String,
    number: u8,
    ip: &'static str,
}

impl Network {
    /// A new one; none, and a loud word, where that is not allowed.
    pub fn new() -> Option<Self> {
        let ip = ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"];
        let Some(ip) = ip.into_iter().find(|path| std::path::Path::new(path).exists()) else {
            super::report::not_tested("there is no `ip` (Debian: iproute2)");
            return None;
        };
        let pid = std::process::id();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let number = u8::try_from((pid + u32::from(count) * 7) % 250).expect("it is below 250") + 2;
        let network = Self { name: format!("cs{pid}n{count}"), number, ip };
        if !network.try_ip(&["netns", "add", &network.name]) {
            super::report::not_tested("network namespaces are for root alone");
            return None;
        }
        network.connect();
        Some(network)
    }

    fn connect(&self) {
        let (outside, inside) = (format!("h{}", self.name), format!("p{}", self.name));
        let name = self.name.as_str();
        self.ip(&["link", "add", &outside, "type", "veth", "peer", "name", &inside, "netns", name]);
        for host in 1..=3 {
            self.ip(&["addr", "add", &format!("{}/24", self.outside(host)), "dev", &outside]);
        }
        self.ip(&["link", "set", &outside, "up"]);
        let own = format!("{}/24", self.inside());
        self.ip(&["-n", name, "addr", "add", &own, "dev", &inside]);
        self.ip(&["-n", name, "link", "set", &inside, "up"]);
        self.ip(&["-n", name, "link", "set", "lo", "up"]);
    }

    /// One of our addresses, 1 to 3: the first is for clients.
    pub fn outside(&self, host: u8) -> String {
        format!("10.77.{}.{host}", self.number)
    }

    /// The address of what runs inside.
    pub fn inside(&self) -> String {
        self.outside(9)
    }

    /// What comes before a command so that it runs inside.
    pub fn prefix(&self) -> Vec<String> {
        [self.ip, "netns", "exec", &self.name].map(str::to_owned).to_vec()
    }

    /// Lets what goes to one of our addresses vanish.
    pub fn cut(&self, host: u8) {
        self.neighbour(&["replace", &self.outside(host), "lladdr", NOBODY, "nud", "permanent"]);
    }

    /// Lets it through again.
    pub fn heal(&self, host: u8) {
        self.neighbour(&["del", &self.outside(host)]);
    }

    fn neighbour(&self, words: &[&str]) {
        let device = format!("p{}", self.name);
        let words = [&["-n", &self.name, "neigh"], words, &["dev", &device]].concat();
        self.ip(&words);
    }

    fn ip(&self, words: &[&str]) {
        assert!(self.try_ip(words), "ip {words:?}");
    }

    fn try_ip(&self, words: &[&str]) -> bool {
        Command::new(self.ip).args(words).output().is_ok_and(|output| output.status.success())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // The cards go with it.
        self.try_ip(&["netns", "del", &self.name]);
    }
}
