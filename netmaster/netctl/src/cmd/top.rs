//! `netctl top …`

use clap::{Args, Subcommand};
use trunkline_netmaster_api::{Forecast, SubnetUse};

use crate::failure::Failure;
use crate::quantity::span;
use crate::render::{Cell, Table, or_absent, plain};
use crate::session::Session;

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// How full subnets are, how fast they fill, and when they will be full
    Subnets(Subnets),
}

impl Verb {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Subnets(subnets) => subnets.run(session).await,
        }
    }
}

/// How full subnets are, how fast they fill, and when they will be full
///
/// Taken are addresses in use, and those that are reserved. The rate is that of the last quarter of
/// an hour; the forecast goes on as the use of the subnet went since netmaster started, over two and
/// a half days at most.
#[derive(Args)]
#[command(after_help = "Example:\n  netctl top subnets --limit 10")]
pub(crate) struct Subnets {
    /// How many, 1–1000; the fullest come first
    #[arg(long, value_name = "N", default_value_t = 1000,
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

impl Subnets {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let usage = session
            .wait(session.client.usage(self.limit.into()))
            .await?;
        let people = || table(&usage.subnets).text(session.output.colours);
        let names = || {
            let names = usage.subnets.iter().map(|one| format!("{}\n", one.name));
            Ok(names.collect())
        };
        session.output.value(&usage, people, names)
    }
}

/// Subnets below each other.
pub(super) fn table(subnets: &[SubnetUse]) -> Table {
    let heads = [
        "subnet", "network", "taken", "capacity", "use", "per hour", "full in",
    ];
    let mut table = Table::with(&heads);
    for subnet in subnets {
        table.push(vec![
            plain(&subnet.name),
            plain(&subnet.network),
            plain(subnet.taken),
            plain(subnet.capacity),
            part(subnet),
            or_absent(subnet.hourly.as_ref()),
            forecast(subnet.forecast),
        ]);
    }
    table
}

/// How much is taken, in percent; alarming from nine in ten on.
fn part(subnet: &SubnetUse) -> Cell {
    let whole = u128::from(subnet.capacity.max(1));
    let permille = u128::from(subnet.taken) * 1000 / whole;
    let text = format!("{}.{} %", permille / 10, permille % 10);
    plain(text).alarming_if(permille >= 900)
}

fn forecast(forecast: Forecast) -> Cell {
    match forecast {
        Forecast::TooLittleHistory { seconds } => {
            plain(format!("too little history ({})", span(seconds)))
        }
        Forecast::Full => plain("full").alarming_if(true),
        Forecast::FullIn { seconds } => plain(span(seconds)).alarming_if(seconds < 24 * 3600),
        Forecast::Distant => plain("more than a year"),
        Forecast::Unknown => plain("-"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(taken: u64, forecast: Forecast) -> SubnetUse {
        SubnetUse {
            name: "blue-r1".parse().unwrap(),
            network: "blue".parse().unwrap(),
            taken,
            capacity: 253,
            hourly: None,
            forecast,
        }
    }

    #[test]
    fn a_subnet_is_told_with_its_use_and_its_future() {
        let subnets = [
            subnet(253, Forecast::Full),
            subnet(1, Forecast::TooLittleHistory { seconds: 90 }),
            subnet(0, Forecast::Distant),
        ];
        assert_eq!(
            table(&subnets).text(false),
            "SUBNET   NETWORK  TAKEN  CAPACITY  USE      PER HOUR  FULL IN\n\
             blue-r1  blue     253    253       100.0 %  -         full\n\
             blue-r1  blue     1      253       0.3 %    -         too little history (1 min)\n\
             blue-r1  blue     0      253       0.0 %    -         more than a year\n"
        );
    }
}
