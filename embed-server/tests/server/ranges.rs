//! Parts of files: what videos, and downloads that go on, ask for.

use crate::serving::{clip, installed};
use crate::story;

story!(a_large_file_is_answered_whole_or_by_its_ranges, |app| {
    let (_, module) = installed(&app).await;
    let path = format!("/embed/{module}/1.0.0/clip.mp4");
    let ask = |range: &'static str| app.module_get(module, &path).header("Range", range).send();
    let whole = app.module_get(module, &path).send().await.unwrap();
    assert_eq!(
        (whole.status().as_u16(), &whole.headers()["accept-ranges"]),
        (200, &"bytes".parse().unwrap())
    );
    assert_eq!(
        (whole.content_length(), &whole.headers()["content-type"]),
        (Some(700_000), &"video/mp4".parse().unwrap())
    );
    let readable = whole.headers()["access-control-expose-headers"].to_str().unwrap();
    assert!(readable.contains("content-range"), "{readable}");
    let tag = whole.headers()["etag"].clone();
    assert!(whole.bytes().await.unwrap() == clip());

    let first = ask("bytes=0-1").await.unwrap();
    assert_eq!(
        (first.status().as_u16(), &first.headers()["content-range"]),
        (206, &"bytes 0-1/700000".parse().unwrap())
    );
    assert_eq!((&first.headers()["etag"], first.headers()["content-length"].as_bytes()), (&tag, &b"2"[..]));
    assert_eq!(first.bytes().await.unwrap(), clip()[..2]);
    let rest = ask("bytes=300000-").await.unwrap();
    assert_eq!(rest.status(), 206);
    assert!(rest.bytes().await.unwrap() == clip()[300_000..]);
    let beyond = ask("bytes=700000-").await.unwrap();
    assert_eq!(
        (beyond.status().as_u16(), &beyond.headers()["content-range"]),
        (416, &"bytes */700000".parse().unwrap())
    );
    assert_eq!(beyond.json::<serde_json::Value>().await.unwrap()["code"], "range_not_satisfiable");
    let changed = app.module_get(module, &path).header("Range", "bytes=0-1").header("If-Range", "\"other\"");
    assert_eq!(changed.send().await.unwrap().status(), 200);
    let same = app.module_get(module, &path).header("Range", "bytes=0-1").header("If-Range", tag);
    assert_eq!(same.send().await.unwrap().status(), 206);
});

story!(a_range_of_a_compressed_file_is_one_of_its_compressed_form, |app| {
    let (_, module) = installed(&app).await;
    let ask = |path: String| app.module_get(module, &path).header("Accept-Encoding", "br");
    let loader = "/v1/embed.js".to_owned();
    for path in [format!("/embed/{module}/1.0.0/app.js"), loader] {
        let whole = ask(path.clone()).send().await.unwrap();
        assert_eq!(
            (whole.status().as_u16(), &whole.headers()["content-encoding"]),
            (200, &"br".parse().unwrap())
        );
        let whole = whole.bytes().await.unwrap();
        let part = ask(path).header("Range", "bytes=1-5").send().await.unwrap();
        assert_eq!(
            (part.status().as_u16(), &part.headers()["content-encoding"]),
            (206, &"br".parse().unwrap())
        );
        assert_eq!(part.headers()["content-range"], format!("bytes 1-5/{}", whole.len()));
        assert_eq!(part.bytes().await.unwrap(), whole[1..6]);
    }
});
