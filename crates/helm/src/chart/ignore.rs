//! `.helmignore`: which files of a chart's folder are not part of the chart.

use super::error::ChartError;
use super::pattern::Pattern;

/// The rules of a `.helmignore` file.
#[derive(Debug, Clone, Default)]
pub(crate) struct IgnoreRules(Vec<Rule>);

#[derive(Debug, Clone)]
struct Rule {
    pattern: Pattern,
    /// `!`: what does not match is ignored.
    negated: bool,
    /// A trailing `/`: only folders.
    folders_only: bool,
    /// A pattern with a `/` is compared with the whole path, any other with the last part.
    whole_path: bool,
}

impl IgnoreRules {
    /// Reads a `.helmignore` file; hidden files in `templates/` are ignored too.
    ///
    /// # Errors
    /// If a line has `**`, which Helm does not support, or is no pattern.
    pub(crate) fn parse(text: &str) -> Result<Self, ChartError> {
        let mut rules = Vec::new();
        for line in text.lines().chain(["templates/.?*"]) {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                rules.push(Rule::parse(line)?);
            }
        }
        Ok(Self(rules))
    }

    /// True if the file or folder at `path`, relative to the chart, is not part of the chart. The first rule that decides
    /// wins, and a negated rule that does not match ignores.
    pub(crate) fn ignores(&self, path: &str, is_folder: bool) -> bool {
        for rule in &self.0 {
            let applies = !rule.folders_only || is_folder;
            let matches = applies && rule.matches(path);
            if matches != rule.negated {
                return true;
            }
        }
        false
    }
}

impl Rule {
    fn parse(line: &str) -> Result<Self, ChartError> {
        if line.contains("**") {
            return Err(ChartError::new("double-star (**) syntax is not supported"));
        }
        let (negated, rest) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
        let (folders_only, rest) = rest.strip_suffix('/').map_or((false, rest), |rest| (true, rest));
        let whole_path = rest.contains('/');
        let pattern = Pattern::parse(rest.strip_prefix('/').unwrap_or(rest))
            .map_err(|error| ChartError::new(error.to_string()).within(format!(".helmignore: {line}")))?;
        Ok(Self { pattern, negated, folders_only, whole_path })
    }

    fn matches(&self, path: &str) -> bool {
        let last_part = path.rsplit('/').next().unwrap_or(path);
        self.pattern.matches(if self.whole_path { path } else { last_part })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(rules: &str, path: &str, is_folder: bool) -> bool {
        IgnoreRules::parse(rules).unwrap().ignores(path, is_folder)
    }

    #[test]
    fn a_pattern_without_a_slash_matches_the_last_part_of_any_path() {
        assert!(ignored("*.bak", "deep/down/x.bak", false));
        assert!(!ignored("/*.bak", "deep/x.bak", false));
        assert!(ignored("/*.bak", "x.bak", false));
        assert!(ignored("deep/*.bak", "deep/x.bak", false));
    }

    #[test]
    fn a_trailing_slash_is_for_folders() {
        assert!(ignored("ci/", "ci", true));
        assert!(!ignored("ci/", "ci", false));
    }

    #[test]
    fn a_negated_pattern_ignores_whatever_does_not_match() {
        assert!(ignored("!keep.txt", "Chart.yaml", false));
        assert!(!ignored("!keep.txt", "keep.txt", false));
    }

    #[test]
    fn hidden_files_in_templates_are_ignored_and_comments_are_no_rules() {
        assert!(ignored("# nothing\n\n", "templates/.swp", false));
        assert!(!ignored("# nothing\n", "# nothing", false));
    }

    #[test]
    fn double_stars_are_refused() {
        assert_eq!(
            IgnoreRules::parse("a/**/b").unwrap_err().to_string(),
            "double-star (**) syntax is not supported"
        );
    }
}
