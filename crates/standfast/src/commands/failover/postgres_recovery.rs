//! What a person does with PostgreSQL when neither watchdog nor actuator can.

use std::path::Path;

use super::finding::{Found, Origin};
use super::playbook::{Section, candidate, starting};

pub(super) fn sections(found: &Found) -> Vec<Section> {
    let status = &found.status;
    let node = candidate(found);
    let data = found.data(&node);
    let data = data.as_deref().map_or_else(
        || format!("DATA_FOLDER_OF_{}", node.to_uppercase().replace('-', "_")),
        |path: &Path| path.display().to_string(),
    );
    let address = |name: &str| {
        let known = status.nodes.iter().find(|one| one.name == name);
        let address = known.map_or("127.0.0.1:5432", |one| one.address.as_str());
        address.rsplit_once(':').map_or_else(
            || format!("host={address}"),
            |(host, port)| format!("host={host} port={port}"),
        )
    };
    let source = format!("{} user=SUPERUSER dbname=postgres", address(&status.primary));
    let (stop, start) = starting(found);
    let (kill, launch) = match &found.origin {
        Origin::Config { file, .. } => {
            let program = file.actuator.command.get_ref().join(" ");
            (
                format!("{program} fence {node}"),
                format!("{program} start {node} {}", status.primary),
            )
        }
        Origin::Instance { .. } | Origin::Socket => (
            format!("# see that nothing of {node} runs"),
            "# (the watchdog starts it as a replica, now that it can)".to_owned(),
        ),
    };
    let quiet = "# No failover while the watchdog is stopped; clients are served on.".to_owned();
    let rewind = vec![
        quiet.clone(),
        stop.clone(),
        kill.clone(),
        format!("psql '{source}' -c CHECKPOINT   # or pg_rewind may see nothing to do"),
        format!("rm -f {data}/standby.signal     # its crash recovery cannot run as a standby"),
        "# as the user who owns the folder; it may not run:".to_owned(),
        format!("pg_rewind --target-pgdata={data} --source-server='{source}'"),
        format!("touch {data}/standby.signal     # from here on no start takes writes"),
        launch.clone(),
        start.clone(),
    ];
    let slot = node.replace('-', "_");
    let rebuild = vec![
        quiet,
        stop,
        kill,
        format!("mv {data} {data}.diverged       # keep it until somebody has looked"),
        "# as the user who owns the folder:".to_owned(),
        format!("pg_basebackup --pgdata={data} --dbname='{source}' \\"),
        "  --wal-method=stream --checkpoint=fast".to_owned(),
        format!("touch {data}/standby.signal"),
        launch,
        start,
        format!("# if a slot holds log back for nobody: SELECT pg_drop_replication_slot('{slot}')"),
    ];
    vec![
        Section { title: format!("By hand: rewind {node}"), lines: rewind },
        Section {
            title: format!("By hand: build {node} anew from {}", status.primary),
            lines: rebuild,
        },
        looking(&source, &format!("{} user=SUPERUSER dbname=postgres", address(&node))),
    ]
}

fn looking(primary: &str, replica: &str) -> Section {
    let hang =
        "# Commits hang: the watchdog lets go of a replica within 100 ms. Without a watchdog:";
    let lines = vec![
        format!("psql '{primary}' -c 'SHOW synchronous_standby_names'"),
        format!("psql '{primary}' -c 'SELECT * FROM pg_stat_replication'"),
        format!("psql '{replica}' -c 'SELECT * FROM pg_stat_wal_receiver'"),
        hang.to_owned(),
        format!("psql '{primary}' -c \"ALTER SYSTEM SET synchronous_standby_names = ''\" \\"),
        "  -c 'SELECT pg_reload_conf()'".to_owned(),
    ];
    Section { title: "Whom commits wait for, who receives".to_owned(), lines }
}
