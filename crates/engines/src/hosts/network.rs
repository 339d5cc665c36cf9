//! A network of hosts: made, cut, healed, and gone with its last handle.
//!
//! The switch lives in a namespace of its own as well. So our own network sees one interface only,
//! no firewall rule of this machine stands between two hosts, and the kernel removes everything
//! when we end, however that happens.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use nix::unistd::Uid;
use tokio::sync::Mutex;

use super::error::HostsError;
use super::host::Host;
use super::program::IpProgram;
use super::reach;
use super::subnet::{HOSTS_MAX, Station, Subnet};
use crate::process::{Namespace, Spawner};
use crate::wait::wait_until;

/// The answer of a host comes within microseconds; a machine that swaps may take a while.
const REACHED_WITHIN: Duration = Duration::from_secs(5);
/// A lost packet is sent again after a second, so one question waits no longer than that.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);
/// How long a host must be silent until it counts as cut off.
const SILENT_FOR: Duration = Duration::from_millis(100);

/// What a host's own interface is called, inside of it.
const CABLE: &str = "eth0";
/// The switch, and its end of the cable to the lab.
const SWITCH: &str = "switch";
const LAB_CABLE: &str = "lab";

/// A switch with its hosts, until it is dropped.
#[derive(Debug)]
pub struct Network {
    ip: IpProgram,
    switch: Namespace,
    subnet: Subnet,
    hosts: Vec<Host>,
    /// Those that are cut off. Locked for as long as one is being cut or healed.
    cut: Mutex<BTreeSet<usize>>,
}

impl Network {
    /// Makes a network of `hosts`, each of which reaches every other one and is reached from here.
    /// `name` says whose it is, to whoever looks at the interfaces of this machine.
    ///
    /// # Errors
    /// Says what is missing on this machine; nothing of the network is left then.
    pub async fn create(
        spawner: &Spawner,
        name: &str,
        hosts: &[String],
    ) -> Result<Self, HostsError> {
        if !Uid::effective().is_root() {
            return Err(HostsError::NotRoot);
        }
        check_names(hosts)?;
        let ip = IpProgram::find(spawner)?;
        let switch = Namespace::create().map_err(HostsError::NoNamespaces)?;
        let subnet = claim_subnet(&ip, &switch).await?;
        let mut network = Self { ip, switch, subnet, hosts: Vec::new(), cut: Mutex::default() };
        for (index, host) in hosts.iter().enumerate() {
            network.hosts.push(Host {
                name: host.clone(),
                address: subnet.host(index).address,
                network: subnet.notation(),
                namespace: Namespace::create().map_err(HostsError::NoNamespaces)?,
            });
        }
        network.wire().await?;
        network.set_up_lab(name).await?;
        for index in 0..network.hosts.len() {
            network.set_up_host(index).await?;
        }
        for host in &network.hosts {
            network.check_reached(host).await?;
        }
        let interface = subnet.interface();
        tracing::debug!(name, interface, hosts = hosts.len(), "made a network of hosts");
        Ok(network)
    }

    /// Makes a network of two hosts, cuts and heals one of them, and removes it all.
    ///
    /// # Errors
    /// Says why this machine cannot have hosts of their own.
    pub async fn try_out(spawner: &Spawner) -> Result<(), HostsError> {
        let [first, second] = ["first", "second"].map(str::to_owned);
        let network = Self::create(spawner, "trial", &[first.clone(), second]).await?;
        network.cut(&first).await?;
        network.heal(&first).await
    }

    /// In the order in which they were asked for.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// # Errors
    /// When there is none of this name.
    pub fn host(&self, name: &str) -> Result<&Host, HostsError> {
        Ok(&self.hosts[self.index(name)?])
    }

    /// Our own address on this network, at which hosts reach what listens here.
    pub fn lab_address(&self) -> Ipv4Addr {
        self.subnet.lab().address
    }

    /// The only interface of the network that this machine itself sees.
    pub fn interface(&self) -> String {
        self.subnet.interface()
    }

    /// Cuts `host` off from all the others and from us: packets vanish, connections stay, nobody is
    /// told. Returns when the host is seen to be silent. Does nothing more to one that is cut.
    ///
    /// # Errors
    /// When it cannot be cut off.
    pub async fn cut(&self, host: &str) -> Result<(), HostsError> {
        let index = self.index(host)?;
        let mut cut = self.cut.lock().await;
        // Written down first: a call that is given up half-way leaves something to heal.
        if !cut.insert(index) {
            return Ok(());
        }
        self.set_port(index, "nomaster").await?;
        let Host { name, address, .. } = &self.hosts[index];
        if reach::answers(*address, SILENT_FOR).await {
            return Err(HostsError::StillReachable { host: name.clone(), address: *address });
        }
        tracing::debug!(host, "cut off");
        Ok(())
    }

    /// Joins `host` again. Returns when it is reached from here. Does nothing to one that is not
    /// cut.
    ///
    /// # Errors
    /// When it cannot be reached again.
    pub async fn heal(&self, host: &str) -> Result<(), HostsError> {
        let index = self.index(host)?;
        let mut cut = self.cut.lock().await;
        if !cut.contains(&index) {
            return Ok(());
        }
        self.set_port(index, &format!("master {SWITCH}")).await?;
        self.check_reached(&self.hosts[index]).await?;
        cut.remove(&index);
        tracing::debug!(host, "joined again");
        Ok(())
    }

    /// A cable whose end belongs to no switch leads into a namespace that has no addresses, so
    /// that nothing there answers, not even with an error.
    async fn set_port(&self, index: usize, state: &str) -> Result<(), HostsError> {
        let order = format!("link set dev {} {state}", port(index));
        self.ip.run("set a port of the switch", Some(&self.switch), &[order]).await
    }

    async fn check_reached(&self, host: &Host) -> Result<(), HostsError> {
        let answers = || async { reach::answers(host.address, ANSWER_WITHIN).await.then_some(()) };
        wait_until(REACHED_WITHIN, answers).await.ok_or_else(|| HostsError::Unreachable {
            host: host.name.clone(),
            address: host.address,
        })
    }

    /// Lays a cable from the switch to every host.
    async fn wire(&self) -> Result<(), HostsError> {
        // Its own address: it would take one of a port otherwise, and change it with the ports.
        let mut orders = vec![
            format!("link add name {SWITCH} address {} type bridge", self.subnet.switch()),
            format!("link set dev {LAB_CABLE} master {SWITCH} up"),
        ];
        for (index, host) in self.hosts.iter().enumerate() {
            let (port, end) = (port(index), host.namespace.path());
            let hardware = self.subnet.host(index).hardware;
            orders.push(format!(
                "link add name {port} type veth peer name {CABLE} address {hardware} netns {}",
                end.display()
            ));
            orders.push(format!("link set dev {port} master {SWITCH} up"));
        }
        orders.push(format!("link set dev {SWITCH} up"));
        self.ip.run("wire the hosts", Some(&self.switch), &orders).await
    }

    async fn set_up_lab(&self, name: &str) -> Result<(), HostsError> {
        let interface = self.subnet.interface();
        let lab = self.subnet.lab();
        let mut orders = set_up(&interface, &lab).to_vec();
        let peers = (0..self.hosts.len()).map(|index| self.subnet.host(index));
        orders.extend(peers.map(|peer| meet(&interface, &peer)));
        // A word of the batch ends at a space.
        let owner: String = name
            .chars()
            .map(|letter| if letter.is_ascii_graphic() { letter } else { '_' })
            .collect();
        orders.push(format!("link set dev {interface} alias standfast:{owner}"));
        self.ip.run("join the lab to the hosts", None, &orders).await
    }

    async fn set_up_host(&self, index: usize) -> Result<(), HostsError> {
        let mut orders = vec!["link set dev lo up".to_owned()];
        orders.extend(set_up(CABLE, &self.subnet.host(index)));
        let others = (0..self.hosts.len()).filter(|other| *other != index);
        let peers = others.map(|other| self.subnet.host(other)).chain([self.subnet.lab()]);
        orders.extend(peers.map(|peer| meet(CABLE, &peer)));
        self.ip.run("set a host up", Some(&self.hosts[index].namespace), &orders).await
    }

    fn index(&self, name: &str) -> Result<usize, HostsError> {
        self.hosts.iter().position(|host| host.name == name).ok_or_else(|| {
            let known: Vec<_> = self.hosts.iter().map(|host| format!("`{}`", host.name)).collect();
            HostsError::Unknown { host: name.to_owned(), known: known.join(", ") }
        })
    }
}

/// The switch's end of a host's cable.
fn port(index: usize) -> String {
    format!("port{index}")
}

fn set_up(interface: &str, station: &Station) -> [String; 2] {
    [
        format!("address add {}/24 dev {interface}", station.address),
        format!("link set dev {interface} up"),
    ]
}

/// Tells an interface for good who its neighbour is. One that had to be asked for would be given up
/// after three seconds of silence, and programs would get an error instead of the silence.
fn meet(interface: &str, peer: &Station) -> String {
    let Station { address, hardware } = peer;
    format!("neighbour replace {address} lladdr {hardware} nud permanent dev {interface}")
}

/// Takes the first subnet that is free, by making the cable from the lab to the switch.
async fn claim_subnet(ip: &IpProgram, switch: &Namespace) -> Result<Subnet, HostsError> {
    for subnet in Subnet::free().map_err(HostsError::Routes)? {
        let (interface, hardware) = (subnet.interface(), subnet.lab().hardware);
        let order = format!(
            "link add name {interface} address {hardware} type veth \
             peer name {LAB_CABLE} netns {}",
            switch.path().display()
        );
        let claimed = ip.try_to(None, &[order]).await?;
        if claimed.status.is_success() {
            return Ok(subnet);
        }
        // Somebody has the name already, and will have the addresses in a moment.
        if !claimed.complaint().contains("File exists") {
            return Err(HostsError::Refused {
                action: "make a cable".to_owned(),
                exit: claimed.status,
                complaint: claimed.complaint(),
            });
        }
    }
    Err(HostsError::NoSubnet)
}

fn check_names(hosts: &[String]) -> Result<(), HostsError> {
    if hosts.len() > HOSTS_MAX {
        return Err(HostsError::TooMany { count: hosts.len(), max: HOSTS_MAX });
    }
    let mut seen = BTreeSet::new();
    match hosts.iter().find(|host| !seen.insert(host.as_str())) {
        Some(host) => Err(HostsError::Twice { host: host.clone() }),
        None => Ok(()),
    }
}
