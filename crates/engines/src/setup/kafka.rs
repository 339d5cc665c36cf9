//! Kafka out of Maven Central: its own archive is found on no registry that a machine usually has.

use super::facts::Facts;
use super::step::Step;
use crate::home::Home;
use crate::tool::Tool;

const KAFKA: &str = "4.1.0";

/// Writes the log to standard error, which none of Kafka's own jars does without its scripts.
const LOGGER: &str = "1.7.36";

/// Pinned, as what Maven takes by itself depends on its version.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";

/// The packages that are needed before it can be fetched.
pub(super) fn packages(facts: &Facts) -> Vec<&'static str> {
    if facts.has_maven { Vec::new() } else { vec!["maven"] }
}

pub(super) fn steps(home: &Home) -> Vec<Step> {
    let folder = home.engines().join(Tool::Kafka.name()).to_string_lossy().into_owned();
    let (project, fresh) = (format!("{folder}/pom.xml"), format!("{folder}/libs.new"));
    let describe = ["sh", "-c", "printf '%s' \"$1\" > \"$2\"", "sh", &describe(), &project];
    let describe = Step::new("say what is needed of Kafka", describe);
    let output = format!("-DoutputDirectory={fresh}");
    let maven = ["mvn", "--batch-mode", "--quiet", "--file", &project];
    let fetch = [&maven[..], &[COPY, "-DincludeScope=runtime", &output]].concat();
    // Half a set of jars must not be taken for Kafka, so its folder gets its name at the end.
    let publish = "rm -rf \"$1/libs\" && mv \"$1/libs.new\" \"$1/libs\"";
    vec![
        Step::new("make a folder for it", ["mkdir", "-p", &folder]),
        describe,
        Step::new("bring Kafka", fetch),
        // Engines run as another user, whatever our umask is.
        Step::new("let other users run it", ["chmod", "-R", "u=rwX,go=rX", &folder]),
        Step::new("put it in its place", ["sh", "-c", publish, "sh", &folder]),
    ]
}

/// A project of Maven's that consists of nothing but its dependencies.
fn describe() -> String {
    let dependency = |group: &str, artifact: &str, version: &str| {
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
             <version>{version}</version></dependency>"
        )
    };
    let kafka = dependency("org.apache.kafka", "kafka_2.13", KAFKA);
    let logger = dependency("org.slf4j", "slf4j-simple", LOGGER);
    format!(
        "<project><modelVersion>4.0.0</modelVersion><groupId>standfast</groupId>\
         <artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>\
         <dependencies>{kafka}{logger}</dependencies></project>"
    )
}
