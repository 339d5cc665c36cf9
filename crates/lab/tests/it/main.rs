//! The lab on files, real processes and real engines.

mod claim_accounts;
mod claim_ratio;
mod claim_stall;
mod failover_bench;
mod failover_writers;
mod instance;
mod instance_actuator;
mod instance_application;
mod instance_bench;
mod instance_control;
mod instance_failover;
mod instance_fault;
mod instance_hosts;
mod instance_kafka;
mod instance_network;
mod instance_proxy;
mod instance_sql;
mod network_bench;
mod report;
mod report_browser;
mod report_fixture;
mod report_run;
mod report_schema;
mod run_ledger;
mod spec;
mod spec_schema;
