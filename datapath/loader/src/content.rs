//! The maps whose content is switched by generations, and what is done with all of them alike.

use abi::addr::{Addr, Addr4, Addr6, Cidr4, Cidr6};
use abi::endpoint::Endpoint;
use abi::maps;
use abi::policy::{PolicyEntry, PolicyKey, Table};
use datapath_host::{Changes, Desired, Settings};

use crate::Error;
use crate::pins::Pins;
use crate::sizes::Sizes;
use crate::staged::{self, Counts, Stageable, StagedMap};

/// A field per map, of the name that it has in [`Desired`] and [`Changes`], and each operation written
/// once for all of them.
macro_rules! staged_maps {
    ($($field:ident: $map:ident<$key:ty, $value:ty>;)+) => {
        /// All staged maps of a node.
        #[derive(Debug)]
        pub(crate) struct StagedMaps {
            $(pub(crate) $field: StagedMap<$key, $value>,)+
        }

        impl StagedMaps {
            /// Opens what is pinned. The shadows are empty until each map has recovered.
            pub(crate) fn open(pins: &Pins) -> Result<Self, Error> {
                Ok(Self {
                    $($field: StagedMap::open(pins, &maps::$map)?,)+
                })
            }

            /// Puts maps of the sizes in place of those that are pinned with others.
            pub(crate) fn resize(pins: &Pins, sizes: &Sizes, revision: u32) -> Result<(), Error> {
                $(staged::resize(pins, &maps::$map, sizes, revision)?;)+
                Ok(())
            }

            pub(crate) fn all(&self) -> impl Iterator<Item = &dyn Stageable> {
                let all: [&dyn Stageable; _] = [$(&self.$field),+];
                all.into_iter()
            }

            pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = &mut dyn Stageable> {
                let all: [&mut dyn Stageable; _] = [$(&mut self.$field),+];
                all.into_iter()
            }

            /// Plans the way from what is to the whole of `desired`.
            pub(crate) fn plan(&mut self, desired: &Desired) -> Result<Counts, Error> {
                let mut counts = Counts::default();
                $(counts += self.$field.plan(&desired.$field)?;)+
                Ok(counts)
            }

            /// Plans changes of some entries.
            pub(crate) fn plan_changes(&mut self, changes: &Changes) -> Result<Counts, Error> {
                let mut counts = Counts::default();
                $(counts += self.$field.plan_changes(&changes.$field)?;)+
                Ok(counts)
            }

            /// A copy of what counts.
            pub(crate) fn in_force(&self, settings: Settings) -> Desired {
                Desired {
                    $($field: self.$field.in_force().clone(),)+
                    settings,
                }
            }
        }
    };
}

staged_maps! {
    addr4: ADDR4<Addr4, Addr>;
    addr6: ADDR6<Addr6, Addr>;
    cidr4: CIDR4<Cidr4, Addr>;
    cidr6: CIDR6<Cidr6, Addr>;
    endpoints: ENDPOINTS<u32, Endpoint>;
    tables: TABLES<u32, Table>;
    policy: POLICY<PolicyKey, PolicyEntry>;
}
