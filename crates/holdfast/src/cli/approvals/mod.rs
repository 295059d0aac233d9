//! `holdfast approvals`: what is dangerous needs a second person.

mod change;
mod list;
mod rules;
pub(super) mod who;

use clap::{Args, Subcommand};
use respond::approval::{Operation, Wish};

use super::arguments::Common;
use super::noted::Noted;
use crate::failure::Failure;
use crate::place::Place;

const HELP_ASK: &str = "\
A command that needs an approval says which request to make. Without a token in `HOLDFAST_TOKEN_FILE` it isn't
known who asks: then one more has to approve.

Examples:
  holdfast approvals ask delete-volume old --because 'moved to the new array'
  holdfast approvals ask restore disk --detail '#123' --because 'attack of this morning'";
const HELP_GLASS: &str = "\
The code is read from the standard input. It works once, allows exactly this for one hour, and everybody is told.

Example:
  holdfast approvals break-glass release-fence disk --because 'nobody answers, the ward is down' < code";
const HELP_RULES: &str = "\
Without options the rules are shown. What makes them weaker needs a request that was approved under the rules
before: the command says which.

Examples:
  holdfast approvals rules --operation delete-volume --quorum 2
  holdfast approvals rules --operation restore --none";

/// `holdfast approvals ...`
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub(super) enum ApprovalsCommand {
    /// Print requests, the newest first
    List(list::List),
    /// Print one request
    Show {
        /// The request's number
        request: i64,
    },
    /// Ask for an approval
    #[command(after_help = HELP_ASK)]
    Ask(Wanted),
    /// Approve a request of somebody else
    Approve {
        /// The request's number
        request: i64,
        /// What there is to say about it
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Refuse a request
    Refuse {
        /// The request's number
        request: i64,
        /// Why
        #[arg(long)]
        because: String,
    },
    /// Take back what you asked for
    Withdraw {
        /// The request's number
        request: i64,
    },
    /// Show or change what needs whose approval
    #[command(after_help = HELP_RULES)]
    Rules(rules::Change),
    /// Turn approvals on; needs two people with the role admin
    Enable,
    /// Turn approvals off; needs an approved request
    Disable,
    /// Make one-time codes that stand in for the others when nobody can be reached. They are printed once
    Seal {
        /// How many; those from before are of no use any more
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=20))]
        codes: u8,
    },
    /// Use such a code
    #[command(after_help = HELP_GLASS)]
    BreakGlass(Wanted),
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq, Args)]
pub(super) struct Wanted {
    /// What is to be done
    #[arg(value_parser = operation)]
    operation: Operation,
    /// To what: a volume, an account
    subject: String,
    /// How exactly, as the command that was refused says it
    #[arg(long, default_value = "")]
    detail: String,
    /// Why, for whoever decides
    #[arg(long)]
    because: String,
}

impl Wanted {
    fn wish(self) -> Wish {
        Wish {
            operation: self.operation,
            subject: self.subject,
            detail: self.detail,
            because: self.because,
        }
    }
}

fn operation(text: &str) -> Result<Operation, String> {
    text.parse()
}

/// Does it, and chooses the exit code.
pub(super) fn run(place: &Place, common: &Common, command: ApprovalsCommand) -> Result<u8, Failure> {
    let noted = Noted::new(place, common);
    match command {
        ApprovalsCommand::List(task) => list::list(&noted, &task),
        ApprovalsCommand::Show { request } => list::show(&noted, request),
        ApprovalsCommand::Ask(wanted) => change::ask(&noted, wanted),
        ApprovalsCommand::Approve { request, note } => change::approve(&noted, request, &note),
        ApprovalsCommand::Refuse { request, because } => change::refuse(&noted, request, &because),
        ApprovalsCommand::Withdraw { request } => change::withdraw(&noted, request),
        ApprovalsCommand::Rules(change) => rules::run(&noted, &change),
        ApprovalsCommand::Enable => rules::enable(&noted),
        ApprovalsCommand::Disable => rules::disable(&noted),
        ApprovalsCommand::Seal { codes } => change::seal(&noted, usize::from(codes)),
        ApprovalsCommand::BreakGlass(wanted) => change::break_glass(&noted, wanted),
    }
}
