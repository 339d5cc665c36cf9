//! A scenario in a file: what is accepted, and how mistakes are answered.

use standfast_loadgen::{Scenario, ScenarioSpec};

fn compile(toml: &str) -> Result<Scenario, String> {
    let spec: ScenarioSpec = toml::from_str(toml).map_err(|error| error.to_string())?;
    Scenario::compile("search", &spec).map_err(|error| error.to_string())
}

fn check(toml: &str, expected: &str) {
    let error = compile(&format!("service = 'offers'\n{toml}")).expect_err("it is wrong");
    assert!(error.contains(expected), "{error}");
}

#[test]
fn the_example_of_the_documentation_compiles() {
    let scenario = compile(
        "service = 'offers'
        method = 'GET'
        path = '/offers?city={city}&check_in={check_in}&nights={nights}&guests=2'
        headers = { X-Deadline-Ms = '{deadline_ms}', X-Request = '{request}' }
        variables.city = { zipf = { from = 1, to = 20, exponent = 1.1 } }
        variables.check_in = { date = { from = '2027-03-01', days = 60 } }
        variables.nights = { one_of = [1, 2, '3'] }
        variables.request = { uuid = true }",
    )
    .unwrap();
    assert_eq!((scenario.name(), scenario.service()), ("search", "offers"));
    assert!(!scenario.is_write());
}

#[test]
fn a_spec_survives_the_way_to_a_file_and_back() {
    let text = "service = 'offers'
        path = '/{id}'
        write = true
        uncertain = [500]
        observe = { key = '{id}' }
        variables.id = { integer = { from = 1, to = 9 } }";
    let spec: ScenarioSpec = toml::from_str(text).unwrap();
    assert_eq!(toml::from_str::<ScenarioSpec>(&toml::to_string(&spec).unwrap()).unwrap(), spec);
}

#[test]
fn a_misspelt_placeholder_comes_with_a_suggestion() {
    let variables = "variables.city = { integer = { from = 1, to = 9 } }";
    check(&format!("path = '/?c={{ctiy}}'\n{variables}"), "did you mean `city`?");
    check(
        &format!("path = '/'\nbody = '{{town}}'\nmethod = 'PUT'\n{variables}"),
        "`{town}` in its body",
    );
    check(&format!("path = '/'\n{variables}"), "variable `city` is used nowhere");
    check("path = '/{deadline_ms}'", "the deadline can stand in headers only");
}

#[test]
fn mistakes_are_named_with_their_place() {
    check("path = '/'\nmethod = 'get'", "method `get` is none of GET");
    check("path = 'offers'", "must start with `/`");
    check("path = '/a b'", "percent-encoded");
    check("path = '/a#b'", "fragment");
    check("path = '/'\nheaders = { Content-Length = '1' }", "set by the generator itself");
    check("path = '/'\nheaders = { 'X Y' = '1' }", "no valid name");
    check("path = '/'\nheaders = { X = \"a\\r\\nb\" }", "control character");
    check(
        "path = '/'\nheaders = { X = '{x}' }\nvariables.x = { one_of = [\"a\\nb\"] }",
        "control character",
    );
    check("path = '/'\nsuccess = [99]", "`success` holds 99");
    check("path = '/'\nsucess = [200]", "unknown field `sucess`");
    check(
        "path = '/{x}'\nvariables.x = { zipf = { from = 1, to = 2 } }",
        "missing field `exponent`",
    );
    check("path = '/{x}'\nvariables.x = { integer = { from = 2, to = 1 } }", "from 2 to 1");
}
