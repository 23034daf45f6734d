//! References are followed, and what they gave never goes back.

use serde_json::json;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::*;

fn secrets() -> Secrets {
    Secrets::new(
        Path::new("/base"),
        Arc::new(|name| match name {
            "TOKEN" => Some("s3cret/value".into()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }),
    )
}

#[test]
fn references_are_followed() {
    let check = |text: &str, expected: Result<&str, ReferenceError>| {
        assert_eq!(secrets().expand(text), expected.map(str::to_owned), "{text}");
    };
    check("Bearer ${TOKEN}!", Ok("Bearer s3cret/value!"));
    check("${env:TOKEN}", Ok("s3cret/value"));
    check("${OTHER:-x}${EMPTY:-y}", Ok("xy"));
    check("${EMPTY}", Ok(""));
    check("plain $HOME", Ok("plain $HOME"));
    check("${OTHER}", Err(ReferenceError::Unset("OTHER".into())));
    check("${TOKEN", Err(ReferenceError::Open("${TOKEN".into())));
}

#[test]
fn what_was_a_reference_never_goes_back() {
    let secrets = secrets();
    secrets.expand("${TOKEN}").unwrap();
    assert_eq!(secrets.mask("key=s3cret/value&k=s3cret%2Fvalue&s3cret%2fvalue"), "key=***&k=***&***");
    for before in ["", "u", "us", "user:"] {
        let encoded = STANDARD_NO_PAD.encode(format!("{before}s3cret/value, and more"));
        assert!(secrets.mask(&encoded).contains("***"), "{encoded}");
    }
    let bytes = [b"\xff", b"s3cret/value".as_slice(), b"\0s3cret/value"].concat();
    let media = Media { bytes, media_type: String::new(), uri: None };
    assert_eq!(secrets.mask_media(media).bytes, b"\xff***\0***");
    let output = Output::Json(json!({"s3cret/value": ["s3cret/value", 1]}));
    assert_eq!(secrets.mask_output(output), Output::Json(json!({"***": ["***", 1]})));
    let failure = Failure::failed("s3cret/value").with("stderr", "x s3cret/value");
    let masked = secrets.mask_failure(failure);
    assert_eq!((masked.message.as_str(), &masked.facts[0].1), ("***", &json!("x ***")));
    for around in ["", "a", "ab", "user:"] {
        for engine in [base64::engine::general_purpose::STANDARD, base64::engine::general_purpose::URL_SAFE] {
            let masked = secrets.mask(&engine.encode(format!("{around}s3cret/value{around}")));
            let shown = engine.encode("s3cret/value");
            assert!(masked.contains("***") && !masked.contains(&shown[4..12]), "{around}: {masked}");
            assert!(masked.len() <= 3 + 4 * around.len() + 6, "{around}: {masked}");
        }
    }
    let bytes = b"\xffs3cret/values3cret/value s3cret/valu\x00".to_vec();
    let media = Media { bytes, media_type: "image/png".into(), uri: Some("x?k=s3cret%2Fvalue".into()) };
    let Output::Media(masked) = secrets.mask_output(Output::Media(media)) else { panic!("media") };
    assert_eq!(masked.bytes, b"\xff****** s3cret/valu\x00");
    assert_eq!(masked.uri.unwrap(), "x?k=***");
    assert_eq!(format!("{secrets:?}"), "Secrets(***)");
}

#[test]
fn files_are_read_when_they_are_used_and_programs_only_while_calls_wait() {
    let base = tempfile::tempdir().unwrap();
    let home = base.path().join("home");
    std::fs::create_dir_all(&home).unwrap();
    let place = home.to_string_lossy().into_owned();
    let secrets = Secrets::new(base.path(), Arc::new(move |name| (name == "HOME").then(|| place.clone())));
    let check = |text: &str, expected: Result<&str, &str>| {
        let found = secrets.expand(text).map_err(|error| error.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text}");
    };
    std::fs::write(base.path().join("token"), "first-token\n").unwrap();
    std::fs::write(home.join("token"), "home-token").unwrap();
    check("x ${file:token}", Ok("x first-token"));
    check("${file:~/token}", Ok("home-token"));
    let template = Template::read("${file:token}", &secrets).unwrap();
    std::fs::write(base.path().join("token"), "second-token").unwrap();
    assert_eq!(template.resolve_now(&secrets), Ok("second-token".to_owned()));
    assert_eq!(secrets.mask("first-token second-token home-token"), "*** *** ***");
    check("${file:a/missing}", Err("`${file:…missing}` cannot be read: entity not found"));
    check("${file:missing:-else}", Ok("else"));
    check("${file:home}", Err("`${file:…home}` cannot be read: it is not a regular file"));
    let here = "`${cmd:…}` and `${keyring:…}` can stand for arguments, variables, headers and keys, not here";
    check("${cmd:true}", Err(here));
    check("${cmd:true:-default}", Err(here));
    check("${cmd:echo 'open}", Err("`${cmd:echo 'open}` is no command line; quotes must be closed"));
    check("${keyring:service}", Err("`${keyring:service}` must be written `${keyring:SERVICE/USER}`"));
    assert_eq!(format!("{template:?}"), "***");
}
