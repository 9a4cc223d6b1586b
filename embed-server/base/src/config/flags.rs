//! Settings on the command line: a flag for each row that may have one.

use super::SECTIONS;
use super::setting::{Flag, Setting};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};
use std::path::PathBuf;

const FILE: &str = "config";

/// Settings given on the command line.
#[derive(Clone, Default)]
pub struct Flags {
    /// The file to read, in place of the one that is looked for.
    pub(super) file: Option<PathBuf>,
    pub(super) given: Vec<(&'static str, String)>,
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        let file = global(FILE, "Settings")
            .long(FILE)
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("Read settings from this file [default: embed-server.toml, where there is one]");
        let flags = SECTIONS.iter().flat_map(|section| {
            section.settings.iter().filter_map(|setting| argument(section.title, setting))
        });
        command.arg(file).args(flags)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let settings = SECTIONS.iter().flat_map(|section| section.settings);
        let given = settings.filter_map(|setting| match setting.flag {
            Flag::Value(_) => Some((setting.key, matches.get_one::<String>(setting.key)?.clone())),
            Flag::Switch => matches.get_flag(setting.key).then(|| (setting.key, "1".to_owned())),
            Flag::None | Flag::Secret => None,
        });
        Ok(Self { file: matches.get_one(FILE).cloned(), given: given.collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn argument(heading: &'static str, setting: &Setting) -> Option<Arg> {
    let flag = match setting.flag {
        Flag::Value(name) => global(setting.key, heading).value_name(name),
        Flag::Switch => global(setting.key, heading).action(ArgAction::SetTrue),
        Flag::None | Flag::Secret => return None,
    };
    let Setting { variable, meaning, default, .. } = setting;
    Some(flag.long(setting.key.replace('_', "-")).help(format!("{variable}: {meaning} [default: {default}]")))
}

/// An argument that every command takes, and that only `--help` lists, not `-h`.
fn global(id: &'static str, heading: &'static str) -> Arg {
    Arg::new(id).help_heading(heading).global(true).hide_short_help(true)
}
