//! The commonest shapes as users write them, outside of any macro.

use llmetry::testing::{record, record_sync};
use llmetry::{agent, task, tool, workflow};

use crate::support::*;

#[workflow]
async fn outer((n, _): (u8, D)) -> Result<u8, Broken> {
    let n = inner(n).await? + inner_sync(&n);
    Ok(Of(n).method(1).await)
}

#[task(fields(n = n))]
async fn inner(n: u8) -> Result<u8, Broken> {
    pause().await;
    if n == 0 {
        return Err(Broken);
    }
    Ok(n)
}

#[tool(skip(n))]
fn inner_sync(n: &u8) -> u8 {
    *n
}

struct Of(u8);

impl Of {
    #[agent]
    async fn method(&mut self, by: u8) -> u8 {
        self.0 += by;
        self.0
    }
}

#[tokio::test]
async fn plain_functions() {
    let (output, trace) = record(outer((1, D("d")))).await;
    assert_eq!(output.ok(), Some(3));
    assert_eq!(
        trace.to_string(),
        "invoke_workflow outer\n  inner\n  execute_tool inner_sync\n  invoke_agent method\n"
    );
    let (output, trace) = record_sync(|| finish(outer((0, D("d")))));
    assert!(
        output.is_err() && trace.span("inner").is_error() && trace.span("invoke_workflow outer").is_error()
    );
}
