//! Going through the objects of a kind, from anywhere on.

use std::ops::Bound;

use super::Catalog;
use crate::{Key, Kind, Object};

impl Catalog {
    /// The objects of `kind` that are kept in memory, in the order of their keys, from the one
    /// after `after` on. A key of another kind is before all.
    pub fn objects_after<'a>(
        &'a self,
        kind: Kind,
        after: Option<&'a Key>,
    ) -> Box<dyn Iterator<Item = Object> + 'a> {
        fn beyond<K: Clone>(key: Option<&K>) -> (Bound<K>, Bound<K>) {
            let start = key.cloned().map_or(Bound::Unbounded, Bound::Excluded);
            (start, Bound::Unbounded)
        }
        macro_rules! by {
            ($map:ident, $kind:ident) => {{
                let after = match after {
                    Some(Key::$kind(key)) => Some(key),
                    _ => None,
                };
                let rest = self.$map.range(beyond(after));
                Box::new(rest.map(|(_, object)| Object::$kind(object.clone())))
            }};
        }
        match kind {
            Kind::Cluster => Box::new(self.cluster.iter().cloned().map(Object::Cluster)),
            Kind::Network => by!(networks, Network),
            Kind::Subnet => by!(subnets, Subnet),
            Kind::Pool => {
                let after = match after {
                    Some(Key::Pool(subnet, name)) => Some((subnet.clone(), name.clone())),
                    _ => None,
                };
                let from = match &after {
                    Some((subnet, _)) => Bound::Included(subnet.clone()),
                    None => Bound::Unbounded,
                };
                let pools = self.pools.range((from, Bound::Unbounded));
                let pools = pools.flat_map(|(_, pools)| pools.values());
                let pools = pools.filter(move |pool| match &after {
                    Some((subnet, name)) => (&pool.subnet, &pool.name) > (subnet, name),
                    None => true,
                });
                Box::new(pools.cloned().map(Object::Pool))
            }
            Kind::Group => by!(groups, Group),
            Kind::Profile => by!(profiles, Profile),
            Kind::Reservation => by!(reservations, Reservation),
            Kind::Node => by!(nodes, Node),
            Kind::Token => by!(tokens, Token),
            Kind::Lockout => by!(lockouts, Lockout),
            Kind::Address => {
                let after = match after {
                    Some(Key::Address(ip)) => Some(*ip),
                    _ => None,
                };
                Box::new(self.addresses.after(after).cloned().map(Object::Address))
            }
            Kind::Endpoint => match after {
                Some(Key::Endpoint(attachment)) => {
                    let rest = self.endpoints.after(attachment);
                    Box::new(rest.cloned().map(Object::Endpoint))
                }
                _ => Box::new(self.endpoints.values().cloned().map(Object::Endpoint)),
            },
            // The past is stored, not kept in memory.
            Kind::Holding | Kind::Event | Kind::Audit => Box::new(std::iter::empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Network, Pool, Revision};

    fn network(name: &str, vlan: i64) -> Object {
        Object::Network(Arc::new(Network {
            name: name.parse().unwrap(),
            vlan: vlan.try_into().unwrap(),
            mtu: Default::default(),
            labels: Default::default(),
            revision: Revision::new(1),
        }))
    }

    fn pool(subnet: &str, name: &str) -> Object {
        Object::Pool(Arc::new(Pool {
            subnet: subnet.parse().unwrap(),
            name: name.parse().unwrap(),
            ranges: Vec::new(),
            labels: Default::default(),
            revision: Revision::new(1),
        }))
    }

    fn catalog(objects: Vec<Object>) -> Catalog {
        let mut catalog = Catalog::default();
        for object in objects {
            catalog.put(object);
        }
        catalog
    }

    /// Goes through everything one object at a time.
    fn step_by_step(catalog: &Catalog, kind: Kind) -> Vec<Object> {
        let mut all = Vec::new();
        let mut after = None;
        while let Some(object) = catalog.objects_after(kind, after.clone().as_ref()).next() {
            after = Some(object.key());
            all.push(object);
        }
        all
    }

    #[test]
    fn objects_come_in_order_from_anywhere_on() {
        let networks = vec![network("a", 1), network("b", 2), network("c", 3)];
        let catalog = catalog(networks.clone());
        assert_eq!(step_by_step(&catalog, Kind::Network), networks);
        let between = Key::Network("aa".parse().unwrap());
        let rest: Vec<_> = catalog
            .objects_after(Kind::Network, Some(&between))
            .collect();
        assert_eq!(rest, networks[1..]);
        assert!(step_by_step(&catalog, Kind::Event).is_empty());
    }

    #[test]
    fn pools_come_in_the_order_of_subnet_and_name() {
        let pools = vec![
            pool("a", "x"),
            pool("a", "y"),
            pool("b", "a"),
            pool("c", "z"),
        ];
        let catalog = catalog(pools.clone());
        assert_eq!(step_by_step(&catalog, Kind::Pool), pools);
        let gone = Key::Pool("b".parse().unwrap(), "zz".parse().unwrap());
        let rest: Vec<_> = catalog.objects_after(Kind::Pool, Some(&gone)).collect();
        assert_eq!(rest, pools[3..]);
    }
}
