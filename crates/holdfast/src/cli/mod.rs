//! The command line: what was typed (`arguments`), what it means (`resolve`), doing it (`run`) and showing what came
//! of it (`output`, `show`).

mod actions;
mod alerts;
mod approvals;
mod arguments;
mod arguments_drill;
mod check;
mod console;
mod drills;
mod exposure;
mod files;
mod help;
mod image_file;
mod incidents;
mod ledger;
mod manual;
mod noted;
mod notices;
mod output;
mod policy;
mod progress;
mod resolve;
mod run;
mod show;
mod table;
mod threat;
mod unseen;

pub use run::main;
