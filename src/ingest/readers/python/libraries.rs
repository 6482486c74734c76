//! What is known of libraries without reading them: which modules exist outside a project, and what some of them hold.

use crate::analyze::manim_api;

/// The modules of Python's standard library, sorted.
const STANDARD: &[&str] = &[
    "__future__", "abc", "aifc", "antigravity", "argparse", "array", "ast", "asynchat", "asyncio", "asyncore",
    "atexit", "audioop", "base64", "bdb", "binascii", "bisect", "builtins", "bz2", "cProfile", "calendar", "cgi",
    "cgitb", "chunk", "cmath", "cmd", "code", "codecs", "codeop", "collections", "colorsys", "compileall",
    "concurrent", "configparser", "contextlib", "contextvars", "copy", "copyreg", "crypt", "csv", "ctypes",
    "curses", "dataclasses", "datetime", "dbm", "decimal", "difflib", "dis", "distutils", "doctest", "email",
    "encodings", "ensurepip", "enum", "errno", "faulthandler", "fcntl", "filecmp", "fileinput", "fnmatch",
    "fractions", "ftplib", "functools", "gc", "genericpath", "getopt", "getpass", "gettext", "glob", "graphlib",
    "grp", "gzip", "hashlib", "heapq", "hmac", "html", "http", "idlelib", "imaplib", "imghdr", "imp", "importlib",
    "inspect", "io", "ipaddress", "itertools", "json", "keyword", "lib2to3", "linecache", "locale", "logging",
    "lzma", "mailbox", "mailcap", "marshal", "math", "mimetypes", "mmap", "modulefinder", "msilib", "msvcrt",
    "multiprocessing", "netrc", "nis", "nntplib", "nt", "ntpath", "nturl2path", "numbers", "opcode", "operator",
    "optparse", "os", "ossaudiodev", "pathlib", "pdb", "pickle", "pickletools", "pipes", "pkgutil", "platform",
    "plistlib", "poplib", "posix", "posixpath", "pprint", "profile", "pstats", "pty", "pwd", "py_compile", "pyclbr",
    "pydoc", "pydoc_data", "pyexpat", "queue", "quopri", "random", "re", "readline", "reprlib", "resource",
    "rlcompleter", "runpy", "sched", "secrets", "select", "selectors", "shelve", "shlex", "shutil", "signal",
    "site", "smtpd", "smtplib", "sndhdr", "socket", "socketserver", "spwd", "sqlite3", "sre_compile",
    "sre_constants", "sre_parse", "ssl", "stat", "statistics", "string", "stringprep", "struct", "subprocess",
    "sunau", "symtable", "sys", "sysconfig", "syslog", "tabnanny", "tarfile", "telnetlib", "tempfile", "termios",
    "textwrap", "this", "threading", "time", "timeit", "tkinter", "token", "tokenize", "tomllib", "trace",
    "traceback", "tracemalloc", "tty", "turtle", "turtledemo", "types", "typing", "unicodedata", "unittest",
    "urllib", "uu", "uuid", "venv", "warnings", "wave", "weakref", "webbrowser", "winreg", "winsound", "wsgiref",
    "xdrlib", "xml", "xmlrpc", "zipapp", "zipfile", "zipimport", "zlib", "zoneinfo",
];

/// Packages outside the standard library that code for Manim is known to use: plugins of Manim, numerical and media
/// libraries. Sorted by bytes.
const KNOWN: &[&str] = &[
    "IPython", "MF_Tools", "PIL", "anthropic", "av", "azure", "big_O", "big_ol_pile_of_manim_imports", "bs4",
    "cairo", "chanim", "click", "cloup", "cmasher", "code_video", "colorama", "colour", "cv2", "daam", "dash",
    "datasets", "decorator", "deepl", "diffusers", "dotenv", "elevenlabs", "ffmpeg", "fire", "fontTools",
    "freetype", "genanki", "gensim", "gizeh", "google", "gradio", "gtts", "gym", "gymnasium", "h5py", "httpx",
    "imageio", "imutils", "ipdb", "isosurfaces", "jax", "joblib", "keras", "kingmanim", "kivy", "librosa", "lxml",
    "manim", "manim_automata", "manim_cad_drawing_utils", "manim_chemistry", "manim_circuit", "manim_code_blocks",
    "manim_data_structures", "manim_dsa", "manim_editor", "manim_eng", "manim_extensions", "manim_fontawesome",
    "manim_fonts", "manim_gearbox", "manim_imports_ext", "manim_katex", "manim_marp", "manim_meshes", "manim_ml",
    "manim_mobject_svg", "manim_neural_network", "manim_onlinejudge", "manim_physics", "manim_play_timeline",
    "manim_presentation", "manim_revealjs", "manim_rubikscube", "manim_sideview", "manim_slides", "manim_speech",
    "manim_stock", "manim_tables", "manim_themes", "manim_typst", "manim_voiceover", "manim_weighted_line",
    "manimgl", "manimlib", "manimpango", "mapbox_earcut", "matplotlib", "moderngl", "moderngl_window", "moviepy",
    "mpl_toolkits", "mpmath", "nbformat", "networkx", "nltk", "noise", "numba", "numpy", "obspy", "openai",
    "pandas", "pathos", "perlin_noise", "planarity", "plotly", "powermanim", "psutil", "pycollada", "pydantic",
    "pydub", "pygame", "pyglet", "pygments", "pymunk", "pyperclip", "pyquaternion", "pytest", "python_tsp",
    "pyttsx3", "pytz", "qiskit", "quaternion", "rdkit", "reactive_manim", "regex", "requests", "rich", "scipy",
    "screeninfo", "seaborn", "selenium", "setuptools", "shapely", "skia", "skimage", "sklearn", "soundfile", "srt",
    "stable_whisper", "statsmodels", "svgelements", "svgpathtools", "svgwrite", "sympy", "tensorflow", "termcolor",
    "tiktoken", "tokenizers", "torch", "torchaudio", "torchvision", "tqdm", "transformers", "triangle", "trimesh",
    "typing_extensions", "validators", "wand", "watchdog", "whisper", "xmltodict", "yaml",
];

/// What `from math import *` binds, sorted.
const MATH: &[&str] = &[
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "comb", "copysign", "cos", "cosh",
    "degrees", "dist", "e", "erf", "erfc", "exp", "exp2", "expm1", "fabs", "factorial", "floor", "fmod", "frexp",
    "fsum", "gamma", "gcd", "hypot", "inf", "isclose", "isfinite", "isinf", "isnan", "isqrt", "lcm", "ldexp",
    "lgamma", "log", "log10", "log1p", "log2", "modf", "nan", "nextafter", "perm", "pi", "pow", "prod", "radians",
    "remainder", "sin", "sinh", "sqrt", "tan", "tanh", "tau", "trunc", "ulp",
];

/// What `from random import *` binds, sorted.
const RANDOM: &[&str] = &[
    "Random", "SystemRandom", "betavariate", "choice", "choices", "expovariate", "gammavariate", "gauss",
    "getrandbits", "getstate", "lognormvariate", "normalvariate", "paretovariate", "randbytes", "randint", "random",
    "randrange", "sample", "seed", "setstate", "shuffle", "triangular", "uniform", "vonmisesvariate",
    "weibullvariate",
];

/// What `from itertools import *` binds, sorted.
const ITERTOOLS: &[&str] = &[
    "accumulate", "chain", "combinations", "combinations_with_replacement", "compress", "count", "cycle",
    "dropwhile", "filterfalse", "groupby", "islice", "pairwise", "permutations", "product", "repeat", "starmap",
    "takewhile", "tee", "zip_longest",
];

/// Packages that are Manim itself, and never a module of a project that happens to have the name.
pub(super) const MANIM: &[&str] = &["big_ol_pile_of_manim_imports", "manim", "manimgl", "manimlib"];

/// Classes of Manim's libraries and plugins that are Scenes although their names do not end in `Scene`.
const SCENES: &[&str] = &["OpeningQuote", "PatreonEndScreen", "PatreonThanks", "Slide", "TODOStub", "ThreeDSlide"];

/// Tells whether a package is part of Python.
pub(super) fn is_standard(package: &str) -> bool {
    STANDARD.binary_search(&package).is_ok()
}

/// Tells whether a package is known to exist outside of projects.
pub(super) fn is_known(package: &str) -> bool {
    is_standard(package) || KNOWN.binary_search(&package).is_ok() || package.starts_with("manim_")
}

/// Tells whether a class of a library is a Scene, by its name alone.
pub(super) fn is_scene_name(name: &str) -> bool {
    name.ends_with("Scene") || SCENES.contains(&name)
}

/// Tells whether a star import of a module binds a name; none where the module's names are not known.
pub(super) fn star_binds(module: &str, name: &str) -> Option<bool> {
    let api = manim_api::api();
    match module {
        // A name of an older release or of ManimGL is a matter of dialect, not a missing definition.
        "manim" => Some(api.kind(name).is_some() || api.gl_weight(name).is_some()),
        "math" => Some(MATH.binary_search(&name).is_ok()),
        "random" => Some(RANDOM.binary_search(&name).is_ok()),
        "itertools" => Some(ITERTOOLS.binary_search(&name).is_ok()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_for_searching() {
        for list in [STANDARD, KNOWN, MATH, RANDOM, ITERTOOLS] {
            assert!(list.is_sorted(), "{list:?}");
        }
        assert!(is_standard("os") && is_known("numpy") && is_known("manim_anything") && !is_known("helpers"));
    }

    #[test]
    fn star_imports_of_manim_are_known_by_name() {
        assert_eq!(star_binds("manim", "Circle"), Some(true));
        assert_eq!(star_binds("manim", "ShowCreation"), Some(true));
        assert_eq!(star_binds("manim", "blub"), Some(false));
        assert_eq!(star_binds("math", "sqrt"), Some(true));
        assert_eq!(star_binds("chanim", "anything"), None);
    }
}
