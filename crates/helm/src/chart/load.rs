//! From files to a [`Chart`], subcharts included.

use std::fs;
use std::path::Path;

use serde_json::Value;
use spacecraft_gotemplate::yaml;

use super::archive::{Budget, MAX_CHART_BYTES, unpack};
use super::metadata::FieldError;
use super::{Chart, ChartError, Dependency, File, Lock, Metadata, check, folder};
use crate::values::{Values, options};

/// Loads the chart at `path`: a folder, or a `.tgz` archive.
///
/// # Errors
/// If there is none, or something is wrong with it.
pub fn load(path: &Path) -> Result<Chart, ChartError> {
    let about =
        fs::metadata(path).map_err(|error| ChartError::new(format!("{}: {error}", path.display())))?;
    let mut budget = Budget::default();
    if about.is_dir() {
        let files = folder::read(path, &mut budget)?;
        return from_files(files, &mut budget);
    }
    if about.len() > MAX_CHART_BYTES {
        return Err(ChartError::new(format!("{}: larger than {MAX_CHART_BYTES} bytes", path.display())));
    }
    let archive = fs::read(path).map_err(|error| ChartError::new(format!("{}: {error}", path.display())))?;
    load_archive(&archive).map_err(|error| error.within(path.display()))
}

/// Loads a packed chart.
///
/// # Errors
/// If the archive cannot be read, is not safe to unpack, or something is wrong with the chart in it.
pub fn load_archive(archive: &[u8]) -> Result<Chart, ChartError> {
    let mut budget = Budget::default();
    let files = unpack(archive, &mut budget)?;
    from_files(files, &mut budget)
}

/// The files of a packed chart as they are to be unpacked: their paths begin with the folder of the chart's name, and none leads out of it.
///
/// # Errors
/// As [`load_archive`].
pub fn unpacked(archive: &[u8]) -> Result<Vec<File>, ChartError> {
    let chart = load_archive(archive)?;
    let in_folder = |file: File| File { name: format!("{}/{}", chart.name(), file.name), data: file.data };
    Ok(unpack(archive, &mut Budget::default())?.into_iter().map(in_folder).collect())
}

/// Makes a chart of its files.
fn from_files(files: Vec<File>, budget: &mut Budget) -> Result<Chart, ChartError> {
    let mut chart = Chart { metadata: metadata(&files)?, ..Chart::default() };
    let mut subcharts: Vec<(String, Vec<File>)> = Vec::new();
    for file in files {
        sort_in(&mut chart, &mut subcharts, file)?;
    }
    check::sanitize(&mut chart.metadata);
    check::metadata(&chart.metadata)?;
    subcharts.sort_by(|one, other| one.0.cmp(&other.0));
    for (name, files) in subcharts {
        let loaded = subchart(&name, files, budget)
            .map_err(|error| error.within(format!("error unpacking subchart {name} in {}", chart.name())))?;
        chart.dependencies.extend(loaded);
    }
    Ok(chart)
}

fn metadata(files: &[File]) -> Result<Metadata, ChartError> {
    let file = files
        .iter()
        .rfind(|file| file.name == "Chart.yaml")
        .ok_or_else(|| ChartError::new("Chart.yaml file is missing"))?;
    let mut metadata = read(file, Metadata::from_value)?;
    if metadata.api_version.is_empty() {
        "v1".clone_into(&mut metadata.api_version);
    }
    Ok(metadata)
}

fn sort_in(
    chart: &mut Chart,
    subcharts: &mut Vec<(String, Vec<File>)>,
    file: File,
) -> Result<(), ChartError> {
    match file.name.as_str() {
        "Chart.yaml" => {}
        "Chart.lock" => chart.lock = Some(read(&file, Lock::from_value)?),
        "values.yaml" => {
            chart.values = values(&file)?;
            chart.values_text = file.data;
        }
        "values.schema.json" => chart.schema = Some(file.data),
        "requirements.yaml" => {
            if let Some(dependencies) = read(&file, requirements)? {
                chart.metadata.has_empty_dependencies = dependencies.is_empty();
                chart.metadata.dependencies = dependencies;
            }
            keep_in_v1(chart, file);
        }
        "requirements.lock" => {
            chart.lock = Some(read(&file, Lock::from_value)?);
            keep_in_v1(chart, file);
        }
        name if name.starts_with("templates/") => chart.templates.push(file),
        name => match name.strip_prefix("charts/") {
            Some(inside) if !has_extension(name, "prov") => {
                let (subchart, _) = inside.split_once('/').unwrap_or((inside, ""));
                let subchart = subchart.to_owned();
                let file = File { name: inside.to_owned(), data: file.data };
                match subcharts.iter_mut().find(|(name, _)| *name == subchart) {
                    Some((_, files)) => files.push(file),
                    None => subcharts.push((subchart, vec![file])),
                }
            }
            _ => chart.files.push(file),
        },
    }
    Ok(())
}

/// `requirements.yaml` and its lock are files of the chart as well, but only in the format that uses them.
fn keep_in_v1(chart: &mut Chart, file: File) {
    if chart.metadata.api_version == "v1" {
        chart.files.push(file);
    }
}

fn requirements(value: &Value) -> Result<Option<Vec<Dependency>>, FieldError> {
    let declares = value.get("dependencies").is_some_and(|list| !list.is_null());
    Ok(declares.then_some(Metadata::from_value(value)?.dependencies))
}

/// The chart in `charts/NAME`, or none if that is nothing that Helm would load.
fn subchart(name: &str, files: Vec<File>, budget: &mut Budget) -> Result<Option<Chart>, ChartError> {
    if name.starts_with(['_', '.']) {
        return Ok(None);
    }
    if has_extension(name, "tgz") {
        return match files.first() {
            Some(file) if file.name == name => {
                let files = unpack(&file.data, budget)?;
                from_files(files, budget).map(Some)
            }
            _ => Err(ChartError::new(format!("expected an archive, got the folder {name}"))),
        };
    }
    let inside = |file: File| {
        let (_, name) = file.name.split_once('/')?;
        Some(File { name: name.to_owned(), data: file.data })
    };
    from_files(files.into_iter().filter_map(inside).collect(), budget).map(Some)
}

fn has_extension(name: &str, extension: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, found)| found == extension)
}

fn values(file: &File) -> Result<Values, ChartError> {
    let value = document(file)?;
    options::table(value).map_err(|error| error.within(format!("cannot load {}", file.name)))
}

fn read<T>(file: &File, from_value: impl Fn(&Value) -> Result<T, FieldError>) -> Result<T, ChartError> {
    from_value(&document(file)?)
        .map_err(|error| ChartError::new(error.to_string()).within(format!("cannot load {}", file.name)))
}

/// The first document of a YAML file.
fn document(file: &File) -> Result<Value, ChartError> {
    yaml::from_slice(&file.data)
        .map_err(|error| ChartError::new(error.to_string()).within(format!("cannot load {}", file.name)))
}

#[cfg(test)]
mod tests {
    use super::super::archive::tests::pack;
    use super::*;

    const CHART: &[u8] = b"apiVersion: v2\nname: demo\nversion: 0.1.0\n";

    fn names(files: &[File]) -> Vec<&str> {
        files.iter().map(|file| file.name.as_str()).collect()
    }

    #[test]
    fn a_chart_is_unpacked_into_the_folder_of_its_name() {
        let archive = pack(&[("x/Chart.yaml", CHART), ("x/templates/a.yaml", b"")]);
        assert_eq!(names(&unpacked(&archive).unwrap()), ["demo/Chart.yaml", "demo/templates/a.yaml"]);
        assert!(unpacked(&pack(&[("x/Chart.yaml", CHART), ("x/../../y", b"")])).is_err());
    }

    #[test]
    fn files_go_where_they_belong() {
        let chart = load_archive(&pack(&[
            ("demo/Chart.yaml", CHART),
            ("demo/values.yaml", b"a: 1"),
            ("demo/values.schema.json", b"{}"),
            ("demo/templates/a.yaml", b""),
            ("demo/README.md", b""),
            ("demo/crds/c.yaml", b""),
            ("demo/charts/kid/Chart.yaml", b"name: kid\nversion: 1.0.0\n"),
            ("demo/charts/kid/templates/k.yaml", b""),
            ("demo/charts/_not/Chart.yaml", b""),
            ("demo/charts/kid-1.0.0.tgz.prov", b""),
        ]))
        .unwrap();
        assert_eq!(names(&chart.templates), ["templates/a.yaml"]);
        assert_eq!(names(&chart.files), ["README.md", "crds/c.yaml", "charts/kid-1.0.0.tgz.prov"]);
        assert_eq!(chart.dependencies.len(), 1);
        assert_eq!(names(&chart.dependencies[0].templates), ["templates/k.yaml"]);
        assert_eq!(chart.dependencies[0].metadata.api_version, "v1");
        assert!(chart.schema.is_some());
    }

    #[test]
    fn a_subchart_may_be_an_archive_and_its_faults_name_it() {
        let kid = pack(&[("kid/Chart.yaml", b"name: kid\nversion: 1.0.0\n")]);
        let chart =
            load_archive(&pack(&[("demo/Chart.yaml", CHART), ("demo/charts/kid-1.0.0.tgz", &kid)])).unwrap();
        assert_eq!(chart.dependencies[0].name(), "kid");
        let stray = load_archive(&pack(&[("demo/Chart.yaml", CHART), ("demo/charts/README.md", b"hi")]));
        assert_eq!(
            stray.unwrap_err().to_string(),
            "error unpacking subchart README.md in demo: Chart.yaml file is missing"
        );
    }

    #[test]
    fn archives_packed_into_each_other_without_end_are_refused() {
        let mut archive = pack(&[("kid/Chart.yaml", b"name: kid\nversion: 1.0.0\n")]);
        for _ in 0..20 {
            archive =
                pack(&[("kid/Chart.yaml", b"name: kid\nversion: 1.0.0\n"), ("kid/charts/kid.tgz", &archive)]);
        }
        assert!(load_archive(&archive).unwrap_err().to_string().contains("without end"));
    }

    #[test]
    fn dependencies_of_the_first_format_come_from_requirements_yaml() {
        let chart = load_archive(&pack(&[
            ("demo/Chart.yaml", b"name: demo\nversion: 0.1.0\n"),
            ("demo/requirements.yaml", b"dependencies:\n- name: kid\n  version: 1.0.0\n  repository: ''\n"),
        ]))
        .unwrap();
        assert_eq!(chart.metadata.dependencies[0].name, "kid");
        assert_eq!(names(&chart.files), ["requirements.yaml"]);
    }

    #[test]
    fn a_chart_without_chart_yaml_or_with_broken_values_says_so() {
        assert_eq!(
            load_archive(&pack(&[("demo/x", b"")])).unwrap_err().to_string(),
            "Chart.yaml file is missing"
        );
        let error =
            load_archive(&pack(&[("demo/Chart.yaml", CHART), ("demo/values.yaml", b"- a")])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot load values.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go \
             value of type map[string]interface {}"
        );
    }
}
