//! Which wheels libtorch comes from: versions and hashes, and which of their files go where.

use std::borrow::Cow;

/// A version of libtorch, and the wheels that make it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The version of torch, which is what the crate `tch` asks for.
    pub version: Cow<'static, str>,
    /// The wheels of a tree without CUDA.
    pub cpu: Vec<Pin>,
    /// Those that CUDA takes beside them.
    pub cuda: Vec<Pin>,
}

/// A wheel of a package index, known by its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The package, as the index names it.
    pub name: Cow<'static, str>,
    /// Its version.
    pub version: Cow<'static, str>,
    /// The platform that its file name bears.
    pub platform: Cow<'static, str>,
    /// SHA-256 of the wheel in hexadecimal.
    pub sha256: Cow<'static, str>,
    /// Its size, for people who wait.
    pub bytes: u64,
}

impl Pin {
    /// `name==version`.
    pub fn requirement(&self) -> String {
        format!("{}=={}", self.name, self.version)
    }
}

/// Name, version, platform, SHA-256, bytes.
type Row = (&'static str, &'static str, &'static str, &'static str, u64);

/// libtorch_cpu.so of the CUDA build needs these two of all the packages of CUDA.
const CPU: &[Row] = &[
    (
        "torch",
        "2.11.0",
        "manylinux_2_28_x86_64",
        "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a",
        530_604_548,
    ),
    (
        "nvidia-cuda-cupti",
        "13.0.85",
        "manylinux_2_25_x86_64",
        "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
        10_715_597,
    ),
    (
        "nvidia-cuda-runtime",
        "13.0.96",
        "manylinux2014_x86_64",
        "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
        2_243_632,
    ),
];

/// What `Requires-Dist` of the torch wheel comes to on linux-x86_64, without what is Python's alone (Triton, bindings).
const CUDA: &[Row] = &[
    (
        "nvidia-cublas",
        "13.1.0.3",
        "manylinux_2_27_x86_64",
        "ee8722c1f0145ab246bccb9e452153b5e0515fd094c3678df50b2a0888b8b171",
        423_133_236,
    ),
    (
        "nvidia-cuda-nvrtc",
        "13.0.88",
        "manylinux2010_x86_64",
        "ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575",
        90_215_200,
    ),
    (
        "nvidia-cudnn-cu13",
        "9.19.0.56",
        "manylinux_2_27_x86_64",
        "d20e1734305e9d68889a96e3f35094d733ff1f83932ebe462753973e53a572bf",
        366_066_321,
    ),
    (
        "nvidia-cufft",
        "12.0.0.61",
        "manylinux2014_x86_64",
        "6c44f692dce8fd5ffd3e3df134b6cdb9c2f72d99cf40b62c32dde45eea9ddad3",
        214_085_489,
    ),
    (
        "nvidia-cufile",
        "1.15.1.6",
        "manylinux2014_x86_64",
        "08a3ecefae5a01c7f5117351c64f17c7c62efa5fffdbe24fc7d298da19cd0b44",
        1_223_672,
    ),
    (
        "nvidia-curand",
        "10.4.0.35",
        "manylinux_2_27_x86_64",
        "1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc",
        59_544_258,
    ),
    (
        "nvidia-cusolver",
        "12.0.4.66",
        "manylinux_2_27_x86_64",
        "0a759da5dea5c0ea10fd307de75cdeb59e7ea4fcb8add0924859b944babf1112",
        200_941_980,
    ),
    (
        "nvidia-cusparse",
        "12.6.3.3",
        "manylinux2014_x86_64",
        "2b3c89c88d01ee0e477cb7f82ef60a11a4bcd57b6b87c33f789350b59759360b",
        145_942_937,
    ),
    (
        "nvidia-cusparselt-cu13",
        "0.8.0",
        "manylinux2014_x86_64",
        "25e30a8a7323935d4ad0340b95a0b69926eee755767e8e0b1cf8dd85b197d3fd",
        169_884_119,
    ),
    (
        "nvidia-nccl-cu13",
        "2.28.9",
        "manylinux_2_18_x86_64",
        "e4553a30f34195f3fa1da02a6da3d6337d28f2003943aa0a3d247bbc25fefc42",
        196_493_177,
    ),
    (
        "nvidia-nvjitlink",
        "13.0.88",
        "manylinux2010_x86_64",
        "13a74f429e23b921c1109976abefacc69835f2f433ebd323d3946e11d804e47b",
        40_713_933,
    ),
    (
        "nvidia-nvshmem-cu13",
        "3.4.5",
        "manylinux2014_x86_64",
        "290f0a2ee94c9f3687a02502f3b9299a9f9fe826e6d0287ee18482e78d495b80",
        60_412_546,
    ),
    (
        "nvidia-nvtx",
        "13.0.85",
        "manylinux1_x86_64",
        "4936d1d6780fbe68db454f5e72a42ff64d1fd6397df9f363ae786930fd5c1cd4",
        148_047,
    ),
];

/// The Python whose wheel of torch is pinned. libtorch does not depend on it, so one wheel serves every interpreter.
pub const PYTHON: &str = "3.11";
/// The same as a tag.
pub const ABI: &str = "cp311";

/// The release that this scenery is built against.
pub fn pinned() -> Release {
    let pins = |rows: &[Row]| {
        let pin = |&(name, version, platform, sha256, bytes): &Row| Pin {
            name: name.into(),
            version: version.into(),
            platform: platform.into(),
            sha256: sha256.into(),
            bytes,
        };
        rows.iter().map(pin).collect()
    };
    Release { version: CPU[0].1.into(), cpu: pins(CPU), cuda: pins(CUDA) }
}

/// Files of `torch/lib` that a tree without CUDA holds.
const TORCH: &[&str] = &["libtorch_cpu.so", "libc10.so", "libgomp.so.1"];
/// Files of `torch/lib` that CUDA adds. They stand apart from the others: where torch-sys finds `libtorch_cuda.so` beside
/// `libtorch_cpu.so` it links to it, and the program would not start where there is none.
const TORCH_CUDA: &[&str] =
    &["libtorch_cuda.so", "libc10_cuda.so", "libtorch_cuda_linalg.so", "libtorch_nvshmem.so", "libcaffe2_nvrtc.so"];
/// Files of NVIDIA's packages that `libtorch_cpu.so` needs.
const NVIDIA: &[&str] = &["libcupti.so.13", "libcudart.so.13"];

/// Where a file of a wheel goes in the tree; nowhere where it is not needed.
///
/// CUDA's libraries look for each other by `$ORIGIN/../../nvidia/…`, so they keep their places under `cuda/`.
pub fn places(member: &str, cuda: bool) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(header) = member.strip_prefix("torch/include/") {
        out.push(format!("include/{header}"));
    } else if let Some(name) = member.strip_prefix("torch/lib/") {
        if TORCH.contains(&name) {
            out.push(format!("lib/{name}"));
        } else if cuda && TORCH_CUDA.contains(&name) {
            out.push(format!("cuda/{member}"));
        }
    } else if let Some((folder, name)) = member.strip_prefix("nvidia/").and_then(|rest| rest.rsplit_once('/')) {
        let shared = name.ends_with(".so") || name.contains(".so.");
        if folder.ends_with("/lib") && NVIDIA.contains(&name) {
            out.push(format!("lib/{name}"));
        }
        if cuda && shared && folder.ends_with("/lib") {
            out.push(format!("cuda/{member}"));
        }
    }
    // A name that climbs out of the tree is none of a wheel's.
    out.retain(|place| place.split('/').all(|part| !matches!(part, "" | "." | "..")));
    out
}

/// Files that a tree must hold, each with the wheel that brings it.
pub fn needed(cuda: bool) -> Vec<(&'static str, String)> {
    let mut out = vec![("torch", "include/torch/csrc/api/include/torch/torch.h".to_owned())];
    out.extend(TORCH.iter().map(|name| ("torch", format!("lib/{name}"))));
    out.push(("nvidia-cuda-cupti", "lib/libcupti.so.13".to_owned()));
    out.push(("nvidia-cuda-runtime", "lib/libcudart.so.13".to_owned()));
    if cuda {
        out.extend(TORCH_CUDA.iter().map(|name| ("torch", format!("cuda/torch/lib/{name}"))));
        out.extend(NEEDED_BY_CUDA.iter().map(|(package, path)| (*package, format!("cuda/nvidia/{path}"))));
    }
    out
}

/// What `libtorch_cuda.so` and its like name as needed, of NVIDIA's packages.
const NEEDED_BY_CUDA: &[(&str, &str)] = &[
    ("nvidia-cublas", "cu13/lib/libcublas.so.13"),
    ("nvidia-cublas", "cu13/lib/libcublasLt.so.13"),
    ("nvidia-cuda-runtime", "cu13/lib/libcudart.so.13"),
    ("nvidia-cuda-nvrtc", "cu13/lib/libnvrtc.so.13"),
    ("nvidia-cudnn-cu13", "cudnn/lib/libcudnn.so.9"),
    ("nvidia-cufft", "cu13/lib/libcufft.so.12"),
    ("nvidia-cufile", "cu13/lib/libcufile.so.0"),
    ("nvidia-curand", "cu13/lib/libcurand.so.10"),
    ("nvidia-cusolver", "cu13/lib/libcusolver.so.12"),
    ("nvidia-cusparse", "cu13/lib/libcusparse.so.12"),
    ("nvidia-cusparselt-cu13", "cusparselt/lib/libcusparseLt.so.0"),
    ("nvidia-nccl-cu13", "nccl/lib/libnccl.so.2"),
    ("nvidia-nvjitlink", "cu13/lib/libnvJitLink.so.13"),
    ("nvidia-nvshmem-cu13", "nvshmem/lib/libnvshmem_host.so.3"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_where_the_linker_and_each_other_look() {
        assert_eq!(places("torch/include/ATen/ATen.h", false), ["include/ATen/ATen.h"]);
        assert_eq!(places("torch/lib/libtorch_cpu.so", true), ["lib/libtorch_cpu.so"]);
        assert_eq!(places("torch/lib/libtorch_cuda.so", true), ["cuda/torch/lib/libtorch_cuda.so"]);
        assert_eq!(places("nvidia/cu13/lib/libcudart.so.13", false), ["lib/libcudart.so.13"]);
        let both = ["lib/libcudart.so.13", "cuda/nvidia/cu13/lib/libcudart.so.13"];
        assert_eq!(places("nvidia/cu13/lib/libcudart.so.13", true), both);
        for (member, cuda) in [
            ("torch/lib/libtorch_cuda.so", false),
            ("torch/lib/libtorch.so", true),
            ("torch/lib/libtorch_python.so", true),
            ("torch/nn/modules/linear.py", true),
            ("nvidia/cu13/lib/libcublas.so.13", false),
            ("nvidia/cu13/lib/libcudart_static.a", true),
            ("nvidia/cu13/include/cuda.h", true),
            ("torch/include/../../../x.h", false),
            ("nvidia/../lib/x.so", true),
        ] {
            assert_eq!(places(member, cuda), Vec::<String>::new(), "{member}");
        }
    }

    #[test]
    fn every_file_that_is_needed_has_a_pinned_wheel() {
        let release = pinned();
        for cuda in [false, true] {
            let mut pins = release.cpu.clone();
            pins.extend(release.cuda.iter().filter(|_| cuda).cloned());
            for (package, path) in needed(cuda) {
                assert!(pins.iter().any(|pin| pin.name == package), "{package} for {path}");
            }
            assert!(pins.iter().all(|pin| pin.sha256.len() == 64 && pin.bytes > 0));
        }
    }
}
