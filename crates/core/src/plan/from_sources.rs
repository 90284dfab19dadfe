//! From settings to a plan, with all that is wrong on the way told together.

use super::{Plan, Problem};
use crate::settings::{
    Command, FileReader, Kind, Setting, Settings, SettingsBuilder, SettingsError, SettingsErrors, catalogue,
};
use crate::spec::{DescribedNetwork, NetworkSpec};

impl Plan {
    /// The plan of the network that settings describe, on the provider that they name.
    ///
    /// # Errors
    ///
    /// What is wrong with the settings and with the network that they describe; and why there can be no such network, as far as its sizes are known.
    pub fn from_sources(
        sources: SettingsBuilder,
        files: &dyn FileReader,
    ) -> Result<(Settings, NetworkSpec, Self), SettingsErrors> {
        let DescribedNetwork { settings, spec, mut errors } = DescribedNetwork::read(sources, files);
        let spec = spec.filter(|_| sizes_are_known(&settings, &errors));
        let planned = spec.map(|spec| (Self::new(&spec, &spec.provider.capabilities()), spec));
        match planned {
            Some((Ok(plan), spec)) if errors.is_empty() => return Ok((settings, spec, plan)),
            Some((Err(problems), _)) => errors.extend(problems.iter().map(Problem::as_mistake)),
            Some((Ok(_), _)) | None => {}
        }
        Err(SettingsErrors::of(errors))
    }
}

/// Whether everything is right from which it follows how large the network is.
fn sizes_are_known(settings: &Settings, errors: &[SettingsError]) -> bool {
    let decides = |setting: &&Setting| {
        let is_size = matches!(
            setting.kind,
            Kind::Number { .. } | Kind::Cpu | Kind::Bytes | Kind::Flag | Kind::Choice(_)
        );
        setting.commands.contains(&Command::Plan) && (is_size || setting.name == "gcp-machine-type")
    };
    let is_right = |setting: &Setting| {
        !settings.is_unread(setting.name) && errors.iter().all(|error| error.key != setting.name)
    };
    catalogue().iter().filter(decides).all(is_right)
}

impl Problem {
    fn as_mistake(&self) -> SettingsError {
        SettingsError::new(&self.key, &self.value, &self.message)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn mistakes(flags: &[(&str, &str)]) -> Vec<String> {
        let given = [("provider", "sandbox")].iter().chain(flags);
        let flags = given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let sources = Settings::builder(Command::CreateNetwork).flags(flags);
        let errors = Plan::from_sources(sources, &BTreeMap::new()).unwrap_err().errors;
        errors.into_iter().map(|error| error.key).collect()
    }

    #[test]
    fn why_there_can_be_no_such_network_is_told_with_all_other_mistakes() {
        assert_eq!(mistakes(&[("miner-cpu", "64")]), ["gcp-machine-type"]);
        assert_eq!(
            mistakes(&[("miners", "40"), ("max-nodes", "1"), ("bucket", "x")]),
            ["bucket", "max-nodes"]
        );
    }

    #[test]
    fn a_network_whose_sizes_are_in_doubt_is_not_judged() {
        assert_eq!(mistakes(&[("miners", "40"), ("max-nodes", "1"), ("es-memory", "lots")]), ["es-memory"]);
        assert_eq!(mistakes(&[("miners", "40"), ("max-nodes", "1"), ("potes", "3")]), ["potes"]);
    }
}
