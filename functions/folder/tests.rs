use super::*;
use serde::Deserialize;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Plain {
    plain: bool,
    files: BTreeSet<String>,
}

impl Index for Plain {
    fn files(&self) -> &BTreeSet<String> {
        &self.files
    }

    fn is_ours(name: &str) -> bool {
        is_plain_below(name, &[("a", 1)])
    }
}

fn of(files: BTreeSet<String>) -> Plain {
    Plain { plain: true, files }
}

fn batch(names: &[&str]) -> Vec<(String, Vec<u8>)> {
    names.iter().map(|name| ((*name).to_owned(), name.as_bytes().to_vec())).collect()
}

fn listed(root: &Path) -> Vec<String> {
    let mut names: Vec<String> = ["", "a"]
        .iter()
        .filter_map(|folder| root.join(folder).read_dir().ok())
        .flatten()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_is_no_longer_written_is_gone_and_the_rest_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let folder = Folder::open::<Plain>(root.path()).unwrap().write(batch(&["a/1", "a/2"])).await.unwrap();
    folder.close(of).await.unwrap();
    let modified = |name: &str| fs::metadata(root.path().join(name)).unwrap().modified().unwrap();
    let (before, index) = (modified("a/1"), modified(INDEX));
    let again = Folder::open::<Plain>(root.path()).unwrap().write(batch(&["a/1", "a/2"])).await.unwrap();
    again.close(of).await.unwrap();
    assert_eq!((modified("a/1"), modified(INDEX)), (before, index));
    fs::write(root.path().join("a/mine"), "mine").unwrap();
    let fewer = Folder::open::<Plain>(root.path()).unwrap().write(batch(&["a/2"])).await.unwrap();
    assert_eq!(fewer.close(of).await.unwrap().files, BTreeSet::from(["a/2".to_owned()]));
    assert_eq!(listed(root.path()), ["2", "a", "index.json", "mine"], "what nobody wrote for us stays");
}

#[tokio::test]
async fn a_writing_that_was_interrupted_is_taken_up_and_cleaned_up() {
    let root = tempfile::tempdir().unwrap();
    let folder = Folder::open::<Plain>(root.path()).unwrap().write(batch(&["a/1", "a/2"])).await.unwrap();
    drop(folder);
    fs::write(root.path().join("a/1.partial"), "beg").unwrap();
    let next = Folder::open::<Plain>(root.path()).unwrap().write(batch(&["a/3"])).await.unwrap();
    next.close(of).await.unwrap();
    assert_eq!(listed(root.path()), ["3", "a", "index.json"]);
}

#[tokio::test]
async fn a_folder_of_anything_else_is_refused_and_untouched() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("letter.txt"), "mine").unwrap();
    assert!(Folder::open::<Plain>(root.path()).err().unwrap().to_string().contains("holds something else"));
    fs::write(root.path().join(INDEX), r#"{"files": ["letter.txt"]}"#).unwrap();
    assert!(Folder::open::<Plain>(root.path()).err().unwrap().to_string().contains("not written by an export"));
    assert_eq!(listed(root.path()), [INDEX, "letter.txt"]);
}

#[tokio::test]
async fn an_index_that_was_tampered_with_deletes_nothing_else() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("inner");
    fs::create_dir(&root).unwrap();
    fs::write(outer.path().join("mine"), "mine").unwrap();
    let index = of(["../mine", "/etc/x", "a/../../mine", "b/1"].map(str::to_owned).into());
    fs::write(root.join(INDEX), serde_json::to_vec(&index).unwrap()).unwrap();
    fs::write(root.join(JOURNAL), "../mine\n").unwrap();
    Folder::open::<Plain>(&root).unwrap().close(of).await.unwrap();
    assert!(outer.path().join("mine").exists());
}

#[test]
fn plain_names_are_told_from_others() {
    let folders = [("packages", 2), ("icons", 1)];
    for ours in ["packages/contoso/excel-0123.json", "icons/ab12.png"] {
        assert!(is_plain_below(ours, &folders), "{ours}");
    }
    for other in
        ["../etc/passwd", "/etc/passwd", "packages/../x", "packages/a", "icons/.hidden", "icons/a/b", "icons", ""]
    {
        assert!(!is_plain_below(other, &folders), "{other}");
    }
}
