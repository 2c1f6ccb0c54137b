//! What happens to the estate between runs: a few changes anywhere, a host pool renamed (which changes every package
//! of it; where a feed is read, a workspace), and a new host pool where too little is left.

use super::Reads;
use super::stand::Stand;
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Changes anywhere in the estate before each run.
const CHANGES: u64 = 6;
/// With fewer large application groups than this a host pool with a new one is made.
const LARGE_GROUPS: usize = 16;
/// What makes a group large, in applications: their packages take two messages at least.
const LARGE: usize = 55;
/// Applications of a new host pool: their packages take three messages.
const NEW_APPLICATIONS: usize = 110;

impl Stand {
    /// Changes the estate, as the seed says.
    pub(super) async fn change_estate(&mut self) -> Result<()> {
        let estate = self.azure.estate_without_icons().await?;
        // What every package's manifest or path says of where it comes from.
        let named = match self.plan.reads {
            Reads::Arm => "hostPools",
            Reads::Feed => "workspaces",
        };
        let named = estate[named].as_array().with_context(|| format!("/_sim/estate has no {named}"))?;
        let mut entries = Vec::new();
        if let Some(pool) = self.dice.pick(named) {
            let friendly = format!("{} {}", pool["name"].as_str().unwrap_or_default(), self.next("name"));
            entries
                .push(json!({"op": "patch", "resource": {"id": pool["id"], "properties": {"friendlyName": friendly}}}));
        }
        let groups = estate["applicationGroups"].as_array().context("/_sim/estate has no applicationGroups")?;
        let large = |group: &&Value| {
            let applications = group["applications"].as_array().map_or(0, Vec::len);
            applications >= LARGE && !group["properties"]["workspaceArmPath"].is_null()
        };
        if groups.iter().filter(large).count() < LARGE_GROUPS {
            entries.extend(self.new_pool(&estate)?);
        }
        // Last, because it may delete what the others name.
        entries.push(json!({"op": "random", "seed": self.dice.number() >> 12, "count": CHANGES}));
        self.azure.change(&Value::from(entries)).await.context("the estate cannot be changed")?;
        Ok(())
    }

    /// A number that was not given to this kind of thing before.
    fn next(&mut self, what: &'static str) -> u64 {
        let given = self.given.entry(what).or_default();
        *given += 1;
        *given
    }

    /// A host pool with one application group in some workspace.
    fn new_pool(&mut self, estate: &Value) -> Result<Vec<Value>> {
        let workspaces = estate["workspaces"].as_array().context("/_sim/estate has no workspaces")?;
        let workspace = self.dice.pick(workspaces).context("the estate has no workspace left")?;
        let id = workspace["id"].as_str().unwrap_or_default();
        let (folder, _) = id.rsplit_once("/workspaces/").context("a workspace's id names no workspace")?;
        let number = self.next("pool");
        let (pool, group) =
            (format!("{folder}/hostPools/hp-new-{number}"), format!("{folder}/applicationGroups/ag-new-{number}"));
        let mut members = workspace["properties"]["applicationGroupReferences"].as_array().cloned().unwrap_or_default();
        members.push(json!(group));
        let put = |id: &str, properties: Value| json!({"op": "put", "resource": {"id": id, "properties": properties}});
        let mut entries = vec![
            put(&pool, json!({"friendlyName": format!("New pool {number}")})),
            put(&group, json!({"hostPoolArmPath": pool, "applicationGroupType": "RemoteApp"})),
        ];
        entries.extend((0..NEW_APPLICATIONS).map(|app| {
            let path = format!(r"C:\Program Files\Line of business {app}\app.exe");
            let properties =
                json!({"friendlyName": format!("Application {app}"), "filePath": path, "commandLineSetting": "Allow"});
            put(&format!("{group}/applications/app{app}"), properties)
        }));
        entries.push(
            json!({"op": "patch", "resource": {"id": id, "properties": {"applicationGroupReferences": members}}}),
        );
        Ok(entries)
    }
}
