//! Which addresses a network gets: a private range that no route of this machine leads into.

use std::fs;
use std::io;
use std::net::Ipv4Addr;

/// Where we look, in this order: few use the first two, and a company network that spans all of
/// `10.0.0.0/8` still leaves the others.
const RANGES: [[u8; 2]; 3] = [[10, 213], [172, 29], [192, 168]];
const SUBNETS_PER_RANGE: u16 = 256;

/// The kernel's routes, of the network that the process started in.
const ROUTES: &str = "/proc/net/route";

/// The lab's own number, that of the switch, and those of the hosts.
const LAB: u8 = 1;
const SWITCH: u8 = 2;
const FIRST_HOST: u8 = 10;

/// How many hosts one network may have.
pub(super) const HOSTS_MAX: usize = 200;

/// A `/24` out of our ranges, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subnet(u16);

impl Subnet {
    /// Those that no route leads into, in order.
    pub(super) fn free() -> io::Result<impl Iterator<Item = Self>> {
        let routes = routes(&fs::read_to_string(ROUTES)?);
        let count = SUBNETS_PER_RANGE * u16::try_from(RANGES.len()).expect("there are few");
        Ok((0..count).map(Self).filter(move |subnet| {
            let own = Route { network: subnet.address(0), mask: Ipv4Addr::new(255, 255, 255, 0) };
            !routes.iter().any(|route| route.overlaps(own))
        }))
    }

    /// The interface in our own network. The kernel allows each name once, so that two who choose
    /// the same subnet at the same moment cannot both have it.
    pub(super) fn interface(self) -> String {
        format!("standfast{}", self.0)
    }

    /// As `10.213.0.0/24`.
    pub(super) fn notation(self) -> String {
        format!("{}/24", self.address(0))
    }

    /// The hardware address of the switch, which has no other.
    pub(super) fn switch(self) -> String {
        self.station(SWITCH).hardware
    }

    pub(super) fn lab(self) -> Station {
        self.station(LAB)
    }

    /// The host with this index, which must be below [`HOSTS_MAX`].
    pub(super) fn host(self, index: usize) -> Station {
        let index = u8::try_from(index).expect("the number of hosts is checked before");
        self.station(FIRST_HOST + index)
    }

    fn station(self, number: u8) -> Station {
        let [high, low] = self.0.to_be_bytes();
        Station {
            address: self.address(number),
            // Locally administered, as the first byte says.
            hardware: format!("02:73:66:{high:02x}:{low:02x}:{number:02x}"),
        }
    }

    fn address(self, number: u8) -> Ipv4Addr {
        let [first, second] = RANGES[usize::from(self.0 / SUBNETS_PER_RANGE)];
        let [_, third] = self.0.to_be_bytes();
        Ipv4Addr::new(first, second, third, number)
    }
}

/// One end of a cable: where it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Station {
    pub(super) address: Ipv4Addr,
    pub(super) hardware: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Route {
    network: Ipv4Addr,
    mask: Ipv4Addr,
}

impl Route {
    fn overlaps(self, other: Self) -> bool {
        let common = self.mask & other.mask;
        self.network & common == other.network & common
    }
}

/// Reads a table like `/proc/net/route`. The default route is left out: it leads everywhere.
fn routes(table: &str) -> Vec<Route> {
    let route = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let network = address(fields.nth(1)?)?;
        let mask = address(fields.nth(5)?)?;
        (!mask.is_unspecified()).then_some(Route { network, mask })
    };
    table.lines().skip(1).filter_map(route).collect()
}

/// The kernel prints the bytes of an address as one number of this machine's byte order.
fn address(hexadecimal: &str) -> Option<Ipv4Addr> {
    let number = u32::from_str_radix(hexadecimal, 16).ok()?;
    Some(Ipv4Addr::from(number.to_ne_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_routes_of_the_kernel_are_read_without_the_default_one() {
        let number = |octets: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(octets));
        let line = |network: [u8; 4], mask: [u8; 4]| {
            format!(
                "eth0\t{}\t00000000\t0001\t0\t0\t0\t{}\t0\t0\t0\n",
                number(network),
                number(mask)
            )
        };
        let table = format!(
            "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n{}{}",
            line([0; 4], [0; 4]),
            line([10, 213, 4, 0], [255, 255, 252, 0]),
        );
        let found = routes(&table);
        let expected =
            Route { network: Ipv4Addr::new(10, 213, 4, 0), mask: Ipv4Addr::new(255, 255, 252, 0) };
        assert_eq!(found, [expected]);
    }

    #[test]
    fn a_subnet_inside_of_a_route_is_taken_and_the_one_beside_it_is_not() {
        let mask = Ipv4Addr::new(255, 255, 255, 0);
        let route =
            Route { network: Ipv4Addr::new(10, 213, 4, 0), mask: Ipv4Addr::new(255, 255, 252, 0) };
        let overlaps = |number| route.overlaps(Route { network: Subnet(number).address(0), mask });
        assert_eq!([3, 4, 7, 8].map(overlaps), [false, true, true, false]);
        // A host route inside of a subnet of ours counts as well.
        let inside = Route { network: Ipv4Addr::new(172, 29, 1, 9), mask: Ipv4Addr::BROADCAST };
        assert!(inside.overlaps(Route { network: Subnet(257).address(0), mask }));
    }

    #[test]
    fn every_subnet_has_its_own_name_addresses_and_hardware() {
        let last = Subnet(767);
        assert_eq!(last.notation(), "192.168.255.0/24");
        assert!(last.interface().len() <= 15, "the kernel takes no longer name");
        assert_eq!(last.lab().address, Ipv4Addr::new(192, 168, 255, 1));
        assert_eq!(last.host(HOSTS_MAX - 1).address, Ipv4Addr::new(192, 168, 255, 209));
        assert_ne!(Subnet(1).host(0).hardware, Subnet(257).host(0).hardware);
    }
}
