//! `setup`: trees of libtorch made of small wheels of ours, by a script that stands for Python and pip. No network.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use scenery::setup::libtorch::release::{Pin, Release};
use scenery::setup::libtorch::{Depth, Done, MANIFEST, Manifest, Origin, State, Step, Wanted, set_up, state};
use scenery::setup::{SetupError, checkout};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::corpus::{Scratch, digests, done, json_of, run};

/// The version that programs of this scenery take.
const VERSION: &str = "2.11.0";

/// A file of a wheel: its path from `site-packages`, and its bytes.
type Member = (&'static str, Vec<u8>);

/// Packages as PyPI has them, but small: name, version, files.
fn packages() -> Vec<(&'static str, &'static str, Vec<Member>)> {
    let bytes = |text: &str| text.as_bytes().repeat(50);
    let nvidia = |name, version, files: &[&'static str]| {
        (name, version, files.iter().map(|path| (*path, bytes(path))).collect::<Vec<Member>>())
    };
    vec![
        (
            "torch",
            VERSION,
            vec![
                ("torch/__init__.py", bytes("not taken")),
                ("torch/include/ATen/ATen.h", bytes("// ATen")),
                ("torch/include/torch/csrc/api/include/torch/torch.h", bytes("// torch")),
                ("torch/lib/libtorch_cpu.so", vec![7; 3_000_000]),
                ("torch/lib/libc10.so", bytes("c10")),
                ("torch/lib/libgomp.so.1", bytes("gomp")),
                ("torch/lib/libtorch.so", bytes("the real one")),
                ("torch/lib/libtorch_python.so", bytes("not taken")),
                ("torch/lib/libtorch_cuda.so", bytes("cuda")),
                ("torch/lib/libc10_cuda.so", bytes("c10 cuda")),
                ("torch/lib/libtorch_cuda_linalg.so", bytes("linalg")),
                ("torch/lib/libtorch_nvshmem.so", bytes("nvshmem")),
                ("torch/lib/libcaffe2_nvrtc.so", bytes("nvrtc")),
            ],
        ),
        nvidia("nvidia-cuda-cupti", "13.0.85", &["nvidia/cu13/lib/libcupti.so.13", "nvidia/cu13/include/cupti.h"]),
        nvidia(
            "nvidia-cuda-runtime",
            "13.0.96",
            &["nvidia/cu13/lib/libcudart.so.13", "nvidia/cu13/lib/libcudart_static.a"],
        ),
        nvidia("nvidia-cublas", "13.1", &["nvidia/cu13/lib/libcublas.so.13", "nvidia/cu13/lib/libcublasLt.so.13"]),
        nvidia("nvidia-cuda-nvrtc", "13.0", &["nvidia/cu13/lib/libnvrtc.so.13"]),
        nvidia("nvidia-cudnn-cu13", "9.19", &["nvidia/cudnn/lib/libcudnn.so.9"]),
        nvidia("nvidia-cufft", "12.0", &["nvidia/cu13/lib/libcufft.so.12"]),
        nvidia("nvidia-cufile", "1.15", &["nvidia/cu13/lib/libcufile.so.0"]),
        nvidia("nvidia-curand", "10.4", &["nvidia/cu13/lib/libcurand.so.10"]),
        nvidia("nvidia-cusolver", "12.0", &["nvidia/cu13/lib/libcusolver.so.12"]),
        nvidia("nvidia-cusparse", "12.6", &["nvidia/cu13/lib/libcusparse.so.12"]),
        nvidia("nvidia-cusparselt-cu13", "0.8", &["nvidia/cusparselt/lib/libcusparseLt.so.0"]),
        nvidia("nvidia-nccl-cu13", "2.28", &["nvidia/nccl/lib/libnccl.so.2"]),
        nvidia("nvidia-nvjitlink", "13.0", &["nvidia/cu13/lib/libnvJitLink.so.13"]),
        nvidia("nvidia-nvshmem-cu13", "3.4", &["nvidia/nvshmem/lib/libnvshmem_host.so.3"]),
    ]
}

/// RECORD of a package's files.
fn record(files: &[Member]) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    for (path, bytes) in files {
        let _ = writeln!(out, "{path},sha256={},{}", base64(&Sha256::digest(bytes)), bytes.len());
    }
    out + "x.dist-info/RECORD,,\n"
}

/// Base64 for URLs without padding, bit by bit.
fn base64(bytes: &[u8]) -> String {
    let digits: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']).collect();
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)).collect();
    let digit = |six: &[u8]| (0..6).fold(0, |sum, at| sum << 1 | usize::from(six.get(at).copied().unwrap_or(0)));
    bits.chunks(6).map(|six| digits[digit(six)]).collect()
}

/// Writes a wheel, whose RECORD is that of `said`.
fn wheel(path: &Path, files: &[Member], said: &[Member]) {
    let mut zip = zip::ZipWriter::new(fs::File::create(path).expect("a file"));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in files {
        zip.start_file(*name, options).expect("a member");
        zip.write_all(bytes).expect("its bytes");
    }
    zip.start_file("x-1.dist-info/RECORD", options).expect("a member");
    zip.write_all(record(said).as_bytes()).expect("its bytes");
    zip.finish().expect("a wheel");
}

/// A folder with a Python, its pip's wheels, and the pins of these.
struct Shop {
    folder: Scratch,
    release: Release,
}

impl Shop {
    fn new() -> Shop {
        let folder = Scratch::new("setup");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/setup/python");
        std::os::unix::fs::symlink(script, folder.join("python")).expect("a link");
        folder.write("probe.json", json!({ "pip": true, "packages": {} }).to_string());
        fs::create_dir_all(folder.join("wheels")).expect("a folder");
        let release = Release { version: VERSION.into(), cpu: Vec::new(), cuda: Vec::new() };
        let mut shop = Shop { folder, release };
        for (name, version, files) in packages() {
            shop.stock(name, version, &files, &files);
        }
        shop
    }

    /// Writes a package's wheel and pins it.
    fn stock(&mut self, name: &str, version: &str, files: &[Member], said: &[Member]) {
        let path = self.wheel_path(name, version);
        wheel(&path, files, said);
        let bytes = fs::read(&path).expect("the wheel");
        let pin = Pin {
            name: name.to_owned().into(),
            version: version.to_owned().into(),
            platform: "manylinux_2_28_x86_64".into(),
            sha256: scenery::sample::hex(&Sha256::digest(&bytes)).into(),
            bytes: bytes.len() as u64,
        };
        let cpu = ["torch", "nvidia-cuda-cupti", "nvidia-cuda-runtime"].contains(&name);
        let pins = if cpu { &mut self.release.cpu } else { &mut self.release.cuda };
        pins.retain(|other| other.name != pin.name);
        pins.push(pin);
    }

    fn wheel_path(&self, name: &str, version: &str) -> PathBuf {
        self.folder.join(&format!("wheels/{name}-{version}-py3-none-any.whl"))
    }

    /// Puts the packages into an environment that the Python answers with.
    fn install(&self) -> PathBuf {
        let root = self.folder.join("site-packages");
        let mut found = serde_json::Map::new();
        for (name, version, files) in packages() {
            for (path, bytes) in &files {
                self.folder.write(&format!("site-packages/{path}"), bytes);
            }
            found.insert(name.to_owned(), json!({ "version": version, "root": root, "record": record(&files) }));
        }
        self.answer(&json!({ "pip": true, "packages": found }));
        root
    }

    fn answer(&self, probe: &Value) {
        self.folder.write("probe.json", probe.to_string());
    }

    fn tree(&self) -> PathBuf {
        self.folder.join("there/libtorch")
    }

    fn wanted(&self, cuda: bool) -> Wanted {
        Wanted {
            directory: self.tree(),
            cuda,
            pythons: vec![self.folder.join("python")],
            machine: "linux-x86_64".to_owned(),
            release: self.release.clone(),
            shown: None,
        }
    }

    /// Sets up, and says the steps.
    fn set_up(&self, cuda: bool) -> (Result<Done, SetupError>, Vec<String>) {
        let mut steps = Vec::new();
        let done = set_up(&self.wanted(cuda), &mut |step| {
            steps.push(match step {
                Step::Mending(_) => "mending".to_owned(),
                Step::Taking(_) => "taking".to_owned(),
                Step::Passing(why) => format!("passing: {why}"),
                Step::Downloading(pin) => format!("downloading {}", pin.name),
                Step::Unpacking(pin) => format!("unpacking {}", pin.name),
            });
        });
        (done, steps)
    }

    fn made(&self, cuda: bool) -> (Manifest, Vec<String>) {
        match self.set_up(cuda).0.expect("it is set up") {
            Done::Made { manifest, mended } => (manifest, mended),
            Done::Already(_) => panic!("it was there already"),
        }
    }

    fn refused(&self, cuda: bool) -> SetupError {
        let error = self.set_up(cuda).0.expect_err("it is refused");
        assert!(!self.part().exists(), "{error} left something");
        error
    }

    fn part(&self) -> PathBuf {
        self.folder.join("there/libtorch.part")
    }

    /// What pip was asked for.
    fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn state(&self) -> State {
        state(&self.tree(), VERSION, Depth::Hashes).expect("it can be read")
    }
}

const CPU_FILES: &[&str] = &[
    "build-version",
    "include/ATen/ATen.h",
    "include/torch/csrc/api/include/torch/torch.h",
    "lib/libc10.so",
    "lib/libcudart.so.13",
    "lib/libcupti.so.13",
    "lib/libgomp.so",
    "lib/libgomp.so.1",
    "lib/libtorch.so",
    "lib/libtorch_cpu.so",
];

fn paths(manifest: &Manifest) -> Vec<&str> {
    manifest.files.iter().map(|entry| entry.path.as_str()).collect()
}

#[test]
fn wheels_become_a_tree_that_torch_sys_links_to() {
    let shop = Shop::new();
    assert_eq!(shop.state(), State::Missing);
    let (done, steps) = shop.set_up(false);
    let Ok(Done::Made { manifest, mended }) = done else { panic!("{done:?}") };
    assert!(mended.is_empty());
    let each = ["torch", "nvidia-cuda-cupti", "nvidia-cuda-runtime"];
    let wanted: Vec<String> =
        each.iter().flat_map(|name| [format!("downloading {name}"), format!("unpacking {name}")]).collect();
    assert_eq!(steps, wanted);
    assert_eq!(paths(&manifest), CPU_FILES);
    let pins = ["torch==2.11.0", "nvidia-cuda-cupti==13.0.85", "nvidia-cuda-runtime==13.0.96"];
    assert_eq!(manifest.origin, Origin::Wheels(pins.map(str::to_owned).to_vec()));
    let read = |path: &str| fs::read(shop.tree().join(path)).expect("it is there");
    assert_eq!(read("lib/libtorch_cpu.so"), vec![7; 3_000_000]);
    assert_eq!(read("lib/libtorch.so"), b"INPUT(libtorch_cpu.so)\n");
    assert_eq!(read("build-version"), b"2.11.0\n");
    assert_eq!(read("lib/libgomp.so"), read("lib/libgomp.so.1"));
    // Every file of the folder stands in the manifest, with its hash.
    let mut found = digests(&shop.tree());
    assert!(found.remove(MANIFEST).is_some());
    let listed: BTreeMap<String, String> =
        manifest.files.iter().map(|entry| (entry.path.clone(), entry.sha256.clone())).collect();
    assert_eq!(found.keys().collect::<Vec<_>>(), listed.keys().collect::<Vec<_>>());
    for (path, sha256) in &listed {
        assert_eq!(*sha256, scenery::sample::hex(&Sha256::digest(read(path))), "{path}");
    }
    assert_eq!(shop.state(), State::Complete(manifest));
    assert!(!shop.part().exists());
    for call in shop.calls() {
        for part in
            ["--no-deps --only-binary=:all: --require-hashes", "--platform manylinux_2_28_x86_64", "--abi cp311"]
        {
            assert!(call.contains(part), "{call}");
        }
    }
}

#[test]
fn what_is_there_and_whole_is_left_as_it_is() {
    let shop = Shop::new();
    let (manifest, _) = shop.made(false);
    let modified = |path: &str| fs::metadata(shop.tree().join(path)).and_then(|data| data.modified()).expect("a time");
    let before = modified("lib/libtorch_cpu.so");
    // Neither Python nor the machine matters then.
    let mut wanted = shop.wanted(false);
    wanted.pythons = vec![PathBuf::from("/nowhere/python")];
    wanted.machine = "plan9-mips".to_owned();
    let done = set_up(&wanted, &mut |step| panic!("{step:?}")).expect("nothing is to do");
    assert_eq!(done, Done::Already(manifest));
    assert_eq!(modified("lib/libtorch_cpu.so"), before);
    assert_eq!(shop.calls().len(), 3);
}

#[test]
fn cuda_stands_apart_and_is_added_to_a_tree_that_lacks_it() {
    let shop = Shop::new();
    let (plain, _) = shop.made(false);
    let (manifest, mended) = shop.made(true);
    assert_eq!(mended, ["CUDA's libraries are not there"]);
    assert!(manifest.cuda);
    let (apart, others): (Vec<&str>, Vec<&str>) =
        paths(&manifest).into_iter().partition(|path| path.starts_with("cuda/"));
    assert_eq!(others, paths(&plain), "what is linked to stays as it is");
    for path in [
        "cuda/torch/lib/libtorch_cuda.so",
        "cuda/torch/lib/libtorch_cuda_linalg.so",
        "cuda/nvidia/cu13/lib/libcublasLt.so.13",
        "cuda/nvidia/cu13/lib/libcudart.so.13",
        "cuda/nvidia/cudnn/lib/libcudnn.so.9",
    ] {
        assert!(apart.contains(&path), "{path}: {apart:?}");
    }
    assert!(!apart.iter().any(|path| path.ends_with(".a") || path.ends_with(".h")), "{apart:?}");
    // A tree that has CUDA keeps it, asked for or not, also when it is made anew.
    assert!(matches!(shop.set_up(false).0, Ok(Done::Already(_))));
    fs::remove_file(shop.tree().join("lib/libc10.so")).expect("removed");
    assert!(shop.made(false).0.cuda);
}

#[test]
fn an_environment_that_has_torch_gives_its_files() {
    let shop = Shop::new();
    let root = shop.install();
    let (done, steps) = shop.set_up(true);
    let Ok(Done::Made { manifest, .. }) = done else { panic!("{done:?}") };
    assert_eq!((steps, shop.calls()), (vec!["taking".to_owned()], Vec::new()), "nothing is downloaded");
    assert_eq!(manifest.origin, Origin::Environment(shop.folder.join("python")));
    let of_wheels = Shop::new().made(true).0;
    assert_eq!(manifest.files, of_wheels.files, "the files are those of the wheels");
    // The tree stands without the environment.
    fs::remove_dir_all(root).expect("removed");
    assert!(matches!(shop.state(), State::Complete(_)));
}

#[test]
fn an_environment_that_will_not_do_is_named_and_passed() {
    let shop = Shop::new();
    let root = shop.install();
    let probe: Value =
        serde_json::from_slice(&fs::read(shop.folder.join("probe.json")).expect("a file")).expect("JSON");
    let with = |pointer: &str, value: Value| {
        let mut probe = probe.clone();
        *probe.pointer_mut(pointer).expect("it is there") = value;
        probe
    };
    let other = packages()[0].2.iter().map(|(path, _)| (*path, b"other".to_vec())).collect::<Vec<_>>();
    let mut without = probe.clone();
    without["packages"].as_object_mut().expect("a map").remove("nvidia-cuda-cupti");
    for (answer, why) in [
        (with("/packages/torch/version", json!("2.11.0+cpu")), "it has torch 2.11.0+cpu instead of 2.11.0"),
        (without, "nvidia-cuda-cupti==13.0.85 is not there"),
        (with("/packages/torch/record", json!(record(&other))), "has SHA-256"),
        (with("/packages/torch/record", json!("")), "torch lacks include/torch"),
        (with("/packages/torch/root", json!(root.join("gone"))), "gone/torch/include"),
    ] {
        shop.answer(&answer);
        let (done, steps) = shop.set_up(false);
        let Ok(Done::Made { manifest, .. }) = done else { panic!("{why}: {done:?}") };
        assert!(matches!(manifest.origin, Origin::Wheels(_)), "{why}");
        assert_eq!(paths(&manifest), CPU_FILES, "{why}: nothing of the environment is left");
        let passed =
            steps.iter().find(|step| step.starts_with("passing")).unwrap_or_else(|| panic!("{why}: {steps:?}"));
        assert!(passed.contains(why), "{why}: {passed}");
        fs::remove_dir_all(shop.tree()).expect("removed");
    }
}

#[test]
fn a_damaged_tree_is_noticed_and_mended() {
    let shop = Shop::new();
    let whole = shop.made(false).0;
    let tree = shop.tree();
    let cpu = tree.join("lib/libtorch_cpu.so");
    let cases: [(&str, &dyn Fn(), &str); 6] = [
        (
            "a byte",
            &|| fs::write(&cpu, [vec![8], vec![7; 2_999_999]].concat()).expect("written"),
            "not what its hash says",
        ),
        ("the end", &|| fs::write(&cpu, vec![7; 10]).expect("written"), "has 10 bytes instead of 3000000"),
        ("a file", &|| fs::remove_file(tree.join("include/ATen/ATen.h")).expect("removed"), "ATen.h is missing"),
        ("a folder", &|| fs::remove_dir_all(tree.join("lib")).expect("removed"), "is missing"),
        ("the list", &|| fs::write(tree.join(MANIFEST), "{\"for").expect("written"), MANIFEST),
        (
            "the version",
            &|| {
                let text = fs::read_to_string(tree.join(MANIFEST)).expect("a text");
                fs::write(tree.join(MANIFEST), text.replace("2.11.0\",\n  \"cuda", "2.10.0\",\n  \"cuda"))
                    .expect("written");
            },
            "holds libtorch 2.10.0",
        ),
    ];
    for (name, damage, says) in cases {
        damage();
        let State::Damaged(wrong) = shop.state() else { panic!("{name}: {:?}", shop.state()) };
        assert!(wrong.iter().any(|each| each.contains(says)), "{name}: {wrong:?}");
        let (manifest, mended) = shop.made(false);
        assert_eq!((mended, &manifest), (wrong, &whole), "{name}");
        assert_eq!(shop.state(), State::Complete(manifest), "{name}");
    }
}

#[test]
fn another_wheel_than_the_pinned_one_is_refused() {
    let mut shop = Shop::new();
    let files = &packages()[0].2;
    // The wheel is another one than was pinned.
    let path = shop.wheel_path("torch", VERSION);
    let honest = fs::read(&path).expect("the wheel");
    let mut changed = files.clone();
    changed[3].1[0] = 8;
    wheel(&path, &changed, &changed);
    let error = shop.refused(false);
    assert!(matches!(&error, SetupError::Hash { what, .. } if what.starts_with("torch-2.11.0")), "{error}");
    assert_eq!(shop.state(), State::Missing);
    // It is the pinned one, but a file is not what its RECORD says.
    shop.stock("torch", VERSION, &changed, files);
    let error = shop.refused(false);
    assert!(
        matches!(&error, SetupError::Hash { what, .. } if what.contains("libtorch_cpu.so of torch==2.11.0")),
        "{error}"
    );
    // A file is not in the wheel, or not in its RECORD.
    let few: Vec<Member> = files.iter().filter(|(path, _)| !path.ends_with("libc10.so")).cloned().collect();
    shop.stock("torch", VERSION, &few, &few);
    assert_eq!(shop.refused(false).to_string(), "torch lacks lib/libc10.so");
    shop.stock("torch", VERSION, files, &few);
    assert_eq!(shop.refused(false).to_string(), "the RECORD of torch==2.11.0 lacks torch/lib/libc10.so");
    // It is no wheel, or only the half of one.
    for bytes in [&b"<html>Not found</html>"[..], &honest[..honest.len() / 2], &[]] {
        fs::write(&path, bytes).expect("written");
        shop.release.cpu.last_mut().expect("torch is the last that was pinned").sha256 =
            scenery::sample::hex(&Sha256::digest(bytes)).into();
        let error = shop.refused(false);
        assert!(matches!(&error, SetupError::Wheel { .. }), "{error}");
    }
    assert_eq!(shop.state(), State::Missing);
    // And a tree that is there stays as it is.
    fs::write(&path, &honest).expect("written");
    shop.release.cpu.last_mut().expect("a pin").sha256 = scenery::sample::hex(&Sha256::digest(&honest)).into();
    shop.made(false);
    let before = digests(&shop.tree());
    fs::write(&path, b"damaged").expect("written");
    shop.refused(true);
    assert_eq!(digests(&shop.tree()), before);
}

#[test]
fn what_is_missing_outside_is_said() {
    let shop = Shop::new();
    let refused = |wanted: &Wanted| set_up(wanted, &mut |_| {}).expect_err("it is refused").to_string();
    let mut wanted = shop.wanted(false);
    wanted.pythons = vec![PathBuf::from("/nowhere/python"), PathBuf::from("/bin/false")];
    let said = refused(&wanted);
    for part in ["there is no `/nowhere/python`", "`/bin/false` is no Python", "--python EXE"] {
        assert!(said.contains(part), "{said}");
    }
    shop.answer(&json!({ "pip": false, "packages": {} }));
    let said = refused(&shop.wanted(false));
    assert!(said.contains("has no pip") && said.contains("ensurepip"), "{said}");
    shop.answer(&json!({ "pip": true, "packages": {} }));
    let mut wanted = shop.wanted(false);
    wanted.machine = "macos-aarch64".to_owned();
    assert!(refused(&wanted).contains("this is macos-aarch64"));
    let words = "WARNING: Retrying\nERROR: Could not find a version\nERROR: No matching distribution found for torch\n";
    shop.folder.write("fail", words);
    let said = shop.refused(false).to_string();
    assert!(said.contains("torch==2.11.0: Could not find a version; No matching distribution"), "{said}");
    assert!(said.contains("PIP_FIND_LINKS"), "{said}");
    shop.folder.write("fail", "ERROR: Could not install packages: [Errno 28] No space left on device\n");
    assert!(matches!(shop.refused(false), SetupError::Full { .. }));
    fs::remove_file(shop.folder.join("fail")).expect("removed");
    fs::remove_file(shop.wheel_path("torch", VERSION)).expect("removed");
    assert!(matches!(shop.refused(false), SetupError::Pip { .. }));
    // A place that cannot be written.
    let mut wanted = shop.wanted(false);
    wanted.directory = shop.folder.write("file", "a file").join("libtorch");
    let error = set_up(&wanted, &mut |_| {}).expect_err("it is refused");
    assert!(matches!(&error, SetupError::Io { .. }) || error.to_string().contains("no folder"), "{error}");
}

#[test]
fn what_it_did_not_make_is_never_replaced() {
    let shop = Shop::new();
    for (name, says) in [("there/libtorch/thesis.tex", "thesis.tex"), ("there/libtorch/lib/libtorch.so", MANIFEST)] {
        shop.folder.write(name, "mine");
        let said = shop.refused(true).to_string();
        assert!(said.contains(says) && said.contains("--dir"), "{said}");
        assert!(shop.folder.join(name).is_file());
        fs::remove_dir_all(shop.tree()).expect("removed");
    }
    // Something of ours that holds something of theirs, and a folder beside that is not ours.
    shop.made(false);
    shop.folder.write("there/libtorch/notes.txt", "mine");
    assert!(shop.refused(true).to_string().contains("notes.txt"));
    fs::remove_file(shop.tree().join("notes.txt")).expect("removed");
    fs::remove_file(shop.tree().join("build-version")).expect("removed");
    shop.folder.write("there/libtorch.part/mine.txt", "mine");
    let error = shop.set_up(false).0.expect_err("it is refused");
    assert!(matches!(error, SetupError::Foreign { .. }), "{error}");
    assert!(shop.folder.join("there/libtorch.part/mine.txt").is_file());
}

#[test]
fn a_link_to_another_disk_stays_one() {
    let shop = Shop::new();
    fs::create_dir_all(shop.folder.join("disk/libtorch")).expect("a folder");
    fs::create_dir_all(shop.folder.join("there")).expect("a folder");
    std::os::unix::fs::symlink(shop.folder.join("disk/libtorch"), shop.tree()).expect("a link");
    shop.made(false);
    assert!(shop.tree().is_symlink());
    let real = state(&shop.folder.join("disk/libtorch"), VERSION, Depth::Hashes).expect("it can be read");
    assert!(matches!(real, State::Complete(_)), "{real:?}");
}

/// Where the test that is killed finds its shop.
const SHOP: &str = "SCENERY_TEST_SETUP_SHOP";

/// Not a test of its own: what `an_interrupted_run_leaves_nothing_half_made` starts and kills.
#[test]
#[ignore = "started by another test"]
fn a_run_that_is_killed() {
    let Some(folder) = std::env::var_os(SHOP).map(PathBuf::from) else { return };
    let text = fs::read_to_string(folder.join("release.json")).expect("the pins");
    let rows: Vec<(String, String, String, u64)> = serde_json::from_str(&text).expect("JSON");
    let pin = |(name, version, sha256, bytes): (String, String, String, u64)| Pin {
        name: name.into(),
        version: version.into(),
        platform: "any".into(),
        sha256: sha256.into(),
        bytes,
    };
    let wanted = Wanted {
        directory: folder.join("there/libtorch"),
        cuda: false,
        pythons: vec![folder.join("python")],
        machine: "linux-x86_64".to_owned(),
        release: Release { version: VERSION.into(), cpu: rows.into_iter().map(pin).collect(), cuda: Vec::new() },
        shown: None,
    };
    let done = set_up(&wanted, &mut |_| {});
    panic!("it was to be killed, and ended: {done:?}");
}

#[test]
fn an_interrupted_run_leaves_nothing_half_made() {
    let shop = Shop::new();
    let rows: Vec<Value> =
        shop.release.cpu.iter().map(|pin| json!([pin.name, pin.version, pin.sha256, pin.bytes])).collect();
    shop.folder.write("release.json", json!(rows).to_string());
    let mut before: Option<BTreeMap<String, String>> = None;
    for held in ["torch", "nvidia-cuda-cupti", "nvidia-cuda-runtime"] {
        shop.folder.write("hold", held);
        let mut child = std::process::Command::new(std::env::current_exe().expect("this program"))
            .args(["--ignored", "--exact", "setup::a_run_that_is_killed"])
            .env(SHOP, shop.folder.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("it starts");
        while !shop.folder.join("holding").exists() {
            assert_eq!(child.try_wait().expect("it can be asked"), None, "{held}: it ended before it was killed");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert!(shop.part().join("tree").is_dir(), "{held}");
        // While it works, nobody else does.
        let error = set_up(&shop.wanted(false), &mut |_| {}).expect_err("the other is at work");
        assert!(matches!(error, SetupError::Busy { .. }), "{error}");
        child.kill().expect("killed");
        child.wait().expect("it is gone");
        fs::remove_file(shop.folder.join("hold")).expect("removed");
        fs::remove_file(shop.folder.join("holding")).expect("removed");
        assert!(shop.part().exists(), "{held}: it had no time to tidy up");
        match &before {
            None => assert_eq!(shop.state(), State::Missing),
            Some(before) => assert_eq!(&digests(&shop.tree()), before, "{held}: the old tree is as it was"),
        }
        // The next run ends with what an uninterrupted one makes.
        let manifest = shop.made(false).0;
        assert!(!shop.part().exists(), "{held}");
        assert_eq!(shop.state(), State::Complete(manifest));
        // For the next round, a tree that is to be replaced.
        fs::write(shop.tree().join("lib/libc10.so"), "damaged").expect("written");
        before = Some(digests(&shop.tree()));
    }
}

#[test]
fn a_tree_that_was_taken_away_and_not_replaced_comes_back() {
    let shop = Shop::new();
    let whole = shop.made(false).0;
    // Killed between the two renames: the old tree lies in the part, the new one beside it.
    fs::create_dir_all(shop.part()).expect("a folder");
    fs::rename(shop.tree(), shop.part().join("old")).expect("renamed");
    shop.folder.write("there/libtorch.part/tree/lib/libtorch_cpu.so", "new");
    shop.folder.write("there/libtorch.part/wheels/torch.whl", "half a wheel");
    let (done, steps) = shop.set_up(false);
    assert_eq!(done.expect("it is there"), Done::Already(whole));
    assert_eq!((steps, shop.calls().len()), (Vec::new(), 3), "nothing is fetched again");
    assert!(!shop.part().exists());
}

/// A checkout, as `setup` knows one.
fn a_checkout(folder: &Scratch) -> PathBuf {
    folder.write("checkout/Cargo.toml", "[package]\nname = \"scenery\"\n");
    folder.write("checkout/src/deep/Cargo.toml", "[package]\nname = \"another\"\n");
    folder.join("checkout")
}

#[test]
fn the_checkout_is_found_from_below() {
    let folder = Scratch::new("setup");
    let root = fs::canonicalize(a_checkout(&folder)).expect("it is there");
    assert_eq!(checkout(&root.join("src/deep")).expect("it is found"), root);
    let error = checkout(folder.path()).expect_err("there is none").to_string();
    assert!(error.contains("-C CHECKOUT") && error.contains("--dir DIR"), "{error}");
}

#[test]
fn the_program_says_what_is_there() {
    let shop = Shop::new();
    let root = a_checkout(&shop.folder);
    let (code, _, err) = run(shop.folder.path(), &["setup", "libtorch"]);
    assert!(code == 1 && err.contains("no source checkout"), "{code} {err}");
    let missing = ["setup", "libtorch", "--python", "/nowhere/python"];
    let (code, out, err) = run(&root, &missing);
    assert!(code == 4 && out.is_empty() && err.contains("there is no `/nowhere/python`"), "{code} {err}");
    let (code, out, err) = run(&root, &[&missing[..], &["--json"]].concat());
    let error: Value = serde_json::from_str(&err).expect("JSON");
    assert!(code == 4 && out.is_empty() && error["error"]["kind"] == "no-pip", "{code} {err}");
    // A tree of the pinned version that is whole is left as it is.
    let mut wanted = shop.wanted(true);
    wanted.directory = root.join(".libtorch");
    set_up(&wanted, &mut |_| {}).expect("it is set up");
    let deep = root.join("src/deep");
    let (code, out, err) = run(&deep, &missing);
    assert!(code == 0 && out.is_empty() && err.contains("there already: libtorch 2.11.0 with CUDA"), "{code} {err}");
    let said = json_of(&deep, &[&missing[..], &["--json"]].concat());
    assert!(said["already"] == true && said["cuda"] == true && said["version"] == VERSION, "{said}");
    assert_eq!(run(&deep, &[&missing[..], &["--quiet"]].concat()), (0, String::new(), String::new()));
    // And one that is damaged and cannot be mended stays, to be seen.
    fs::write(root.join(".libtorch/lib/libc10.so"), "damaged").expect("written");
    let (code, _, err) = run(&deep, &missing);
    assert!(code == 4 && err.contains("there is no `/nowhere/python`"), "{code} {err}");
    assert!(root.join(".libtorch/lib/libc10.so").is_file());
}

#[test]
fn doctor_says_what_is_set_up_with_and_without_training() {
    let shop = Shop::new();
    let root = a_checkout(&shop.folder);
    let built = if cfg!(feature = "train") { "built with training" } else { "built without training" };
    assert!(run(shop.folder.path(), &["doctor", "--setup"]).1.contains(built));
    // Without a project there is no store to look at, and what is set up is told all the same.
    let (code, out, err) = run(shop.folder.path(), &["doctor"]);
    assert!(code != 0 && out.contains("libtorch: ") && err.contains("project"), "{code} {out}{err}");
    // A program with training is about the libtorch that it was linked to.
    if cfg!(feature = "train") {
        let said = json_of(&root, &["doctor", "--setup", "--json"]);
        assert!(said["libtorch"]["train"] == true && said["libtorch"]["devices"][0] == "cpu", "{said}");
        return;
    }
    assert!(done(&root, &["doctor", "--setup"]).contains("`scenery setup libtorch` puts it there"));
    let mut wanted = shop.wanted(false);
    wanted.directory = root.join(".libtorch");
    set_up(&wanted, &mut |_| {}).expect("it is set up");
    let out = done(&root, &["doctor", "--setup"]);
    assert!(out.contains("libtorch: 2.11.0 in ") && out.contains("--cuda` adds it"), "{out}");
    let said = json_of(&root, &["doctor", "--setup", "--json"]);
    assert!(said["libtorch"]["state"] == "complete" && said["libtorch"]["train"] == false, "{said}");
    fs::write(root.join(".libtorch/build-version"), "9.99.9\n").expect("written");
    let (code, out, err) = run(&root, &["doctor", "--setup"]);
    assert!(code == 4 && out.contains("damaged: build-version is not what its hash says"), "{code} {out}");
    assert!(err.contains("`scenery setup libtorch` makes it anew"), "{err}");
}
