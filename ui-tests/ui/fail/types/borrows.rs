use llmetry::task;

#[task]
async fn after_move(a: String) -> usize {
    drop(a);
    a.len()
}

#[task]
fn after_move_sync(a: String) -> usize {
    drop(a);
    a.len()
}

#[task]
fn not_mut(a: u32) {
    a += 1;
    drop(a);
}

#[task]
async fn not_send() {
    let rc = std::rc::Rc::new(1);
    std::future::ready(()).await;
    drop(rc);
}

#[task]
fn dangling(s: String) -> &'static str {
    &s
}

fn send(_: impl Send) {}

fn main() {
    send(not_send());
}
