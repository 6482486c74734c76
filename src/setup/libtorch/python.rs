//! What a Python interpreter has, and what its pip brings.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::release::{ABI, PYTHON, Pin};
use super::tree::Stage;
use crate::setup::SetupError;

/// Prints, of the packages that are named: version, `site-packages` and RECORD; and whether there is pip.
const PROBE: &str = r#"
import importlib.metadata, importlib.util, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        package = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        continue
    found[name] = {
        "version": package.version,
        "root": str(package.locate_file("")),
        "record": package.read_text("RECORD") or "",
    }
print(json.dumps({"pip": importlib.util.find_spec("pip") is not None, "packages": found}))
"#;

/// A Python interpreter.
#[derive(Clone, Debug)]
pub struct Python {
    /// How it is called.
    pub executable: PathBuf,
    /// Whether it has pip.
    pub pip: bool,
    /// The packages that were asked for and are there.
    pub packages: HashMap<String, Package>,
}

/// An installed package.
#[derive(Clone, Debug, Deserialize)]
pub struct Package {
    /// Its version.
    pub version: String,
    /// `site-packages`.
    pub root: PathBuf,
    /// The text of its RECORD; empty where it has none.
    pub record: String,
}

#[derive(Deserialize)]
struct Probed {
    pip: bool,
    packages: HashMap<String, Package>,
}

/// Asks an interpreter what it has of these packages; a sentence where it does not answer.
pub fn probe<'a>(executable: &Path, names: impl Iterator<Item = &'a str>) -> Result<Python, String> {
    let output = Command::new(executable).arg("-c").arg(PROBE).args(names).stdin(Stdio::null()).output();
    let output = match output {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(format!("there is no `{}`", executable.display()));
        }
        Err(error) => return Err(format!("`{}` does not run ({error})", executable.display())),
    };
    if !output.status.success() {
        return Err(format!(
            "`{}` is no Python 3.8 or newer ({})",
            executable.display(),
            last(&output.stderr, &output.status)
        ));
    }
    let Probed { pip, packages } = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("`{}` answered nothing that a Python answers ({error})", executable.display()))?;
    Ok(Python { executable: executable.to_owned(), pip, packages })
}

/// Has pip download a pinned wheel, and nothing else than it. Its temporary files lie in the stage.
///
/// `shown` is where pip's own words go, where someone watches.
///
/// # Errors
/// Where pip does not get it.
pub fn download(
    python: &Python,
    pin: &Pin,
    stage: &Stage,
    shown: Option<fn() -> Stdio>,
) -> Result<PathBuf, SetupError> {
    let folder = stage.folder("wheels");
    let asked = stage.folder("tmp").join("requirements.txt");
    std::fs::write(&asked, format!("{} --hash=sha256:{}\n", pin.requirement(), pin.sha256))
        .map_err(SetupError::io(&asked))?;
    let failed = |said: String| SetupError::Pip { python: python.executable.clone(), package: pin.requirement(), said };
    let mut command = Command::new(&python.executable);
    command
        .args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes", "--no-input"])
        .args(["--disable-pip-version-check", "--retries", "2", "--implementation", "cp"])
        .args(["--python-version", PYTHON, "--abi", ABI, "--platform", &pin.platform])
        .args(["--progress-bar", if shown.is_some() { "on" } else { "off" }])
        .arg("--dest")
        .arg(&folder)
        .arg("--requirement")
        .arg(&asked)
        .env("TMPDIR", stage.folder("tmp"))
        .stdin(Stdio::null())
        .stdout(shown.map_or_else(Stdio::null, |made| made()))
        .stderr(Stdio::piped());
    let output = command.output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        if String::from_utf8_lossy(&output.stderr).contains("No space left on device") {
            return Err(SetupError::Full { path: folder });
        }
        return Err(failed(last(&output.stderr, &output.status)));
    }
    let mut wheels = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(SetupError::io(&folder))? {
        wheels.push(entry.map_err(SetupError::io(&folder))?.path());
    }
    wheels.retain(|path| path.extension().is_some_and(|extension| extension == "whl"));
    match wheels.pop() {
        Some(wheel) if wheels.is_empty() => Ok(wheel),
        Some(_) => Err(failed("it brought several wheels".to_owned())),
        None => Err(failed("it brought no wheel".to_owned())),
    }
}

/// What a program said last, on one line: its errors, else its last line, else how it ended.
fn last(stderr: &[u8], status: &std::process::ExitStatus) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let errors: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("ERROR: ")).collect();
    if !errors.is_empty() {
        return errors.join("; ");
    }
    lines.last().map_or_else(|| status.to_string(), |line| (*line).to_owned())
}
