//! The nouns of the command line, and what they have in common.
//!
//! A noun is a file in `cmd/` that says what its columns, its fields to select by and its flags
//! are: that is [`Noun`], and for those an operator creates and changes [`Managed`]. The verbs are
//! here, once for all: [`Look`] has `ls` and `show`, [`Manage`] these and `create`, `set` and `rm`.

mod filter;
mod look;
mod manage;
mod watch;

use std::error::Error;
use std::fmt::Display;
use std::marker::PhantomData;
use std::str::FromStr;

use clap::{Arg, ArgMatches, Args};
use serde::Serialize;
use trunkline_netmaster_api as api;

use crate::failure::Failure;
use crate::flag::{Taken, parsed, taken};
use crate::render::Column;

pub(crate) use look::{Look, Ls};
pub(crate) use manage::{Manage, change_twice};

/// A key as it is written on the command line.
pub(crate) trait Key:
    api::ResourceKey + FromStr<Err: Error + 'static> + Display + Clone + Send + Sync + 'static
{
}

impl<T> Key for T where
    T: api::ResourceKey + FromStr<Err: Error + 'static> + Display + Clone + Send + Sync + 'static
{
}

/// A kind of object that can be listed, shown and watched.
pub(crate) trait Noun: api::Resource<Key: Key> + Serialize + 'static {
    /// As it is written on the command line.
    const NAME: &'static str;
    /// Many of them.
    const PLURAL: &'static str;
    /// What stands for the key, and what it is.
    const KEY: (&'static str, &'static str) = ("NAME", "Its name");
    /// The fields to select by, as `docs/api.md` has them; each is a flag of `ls`.
    const FIELDS: &'static [&'static str];
    /// Whether it has labels to select by.
    const HAS_LABELS: bool = true;
    /// Whether one is of a moment, to select by.
    const HAS_TIME: bool = false;
    /// What is shown of one.
    const COLUMNS: &'static [Column<Self>];

    /// What names it.
    fn key(&self) -> Self::Key;
}

/// A kind of object that an operator creates, changes and deletes.
///
/// The texts of `Create` and `Set` are their commands' help.
pub(crate) trait Managed:
    Noun + api::Managed<Spec: Clone + PartialEq, Updated: Serialize>
{
    /// The flags of `create`.
    type Create: Args;
    /// The flags of `set`.
    type Set: Args;
    /// When one can be removed.
    const RM: &'static str;

    /// The object that `create` wants.
    fn spec(key: Self::Key, create: Self::Create) -> Self::Spec;

    /// The revision it is at.
    fn revision(&self) -> u64;

    /// The object as it is, as a wish.
    fn current(&self) -> Self::Spec;

    /// Changes the wish.
    ///
    /// # Errors
    ///
    /// [`Failure::Usage`] if that makes no sense.
    fn change(spec: &mut Self::Spec, set: &Self::Set) -> Result<(), Failure>;

    /// What an operator should know after an update.
    fn remark(_updated: &Self::Updated) -> Option<String> {
        None
    }
}

/// The key on the command line.
pub(crate) struct KeyArg<N: Noun> {
    pub(crate) key: N::Key,
    noun: PhantomData<fn() -> N>,
}

/// What clap knows the key by; no flag has this name.
const KEY_ID: &str = "KEY";

impl<N: Noun> Taken for KeyArg<N> {
    fn args() -> Vec<Arg> {
        let (stand_in, help) = N::KEY;
        vec![
            Arg::new(KEY_ID)
                .value_name(stand_in)
                .help(help)
                .required(true)
                .value_parser(parsed::<N::Key>),
        ]
    }

    fn read(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let missing = clap::error::ErrorKind::MissingRequiredArgument;
        let key = matches.get_one::<N::Key>(KEY_ID).cloned();
        Ok(Self {
            key: key.ok_or_else(|| clap::Error::new(missing))?,
            noun: PhantomData,
        })
    }
}

taken!(for [N: Noun] KeyArg<N>);
