//! A TCP link whose answers can be held back and which can be cut.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// A link to a server; its connections break when it is dropped.
pub(crate) struct Link {
    pub(crate) address: SocketAddr,
    answers: Arc<Answers>,
    accepting: JoinHandle<()>,
}

struct Answers {
    /// How many answers may pass before the rest is held.
    allowed: watch::Sender<u64>,
    /// How many came, held or passed.
    came: watch::Sender<u64>,
    cut: watch::Sender<bool>,
}

impl Link {
    pub(crate) async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("bound");
        let answers = Arc::new(Answers {
            allowed: watch::Sender::new(u64::MAX),
            came: watch::Sender::new(0),
            cut: watch::Sender::new(false),
        });
        let shared = answers.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server)
                    .await
                    .expect("the server listens");
                tokio::spawn(carry(client, server, shared.clone()));
            }
        });
        Self {
            address,
            answers,
            accepting,
        }
    }

    /// Lets `answers` more answers pass and holds those after them.
    pub(crate) fn hold_after(&self, answers: u64) {
        let came = *self.answers.came.borrow();
        self.answers.allowed.send_replace(came + answers);
    }

    /// Until an answer is held.
    pub(crate) async fn holds(&self) {
        let allowed = *self.answers.allowed.borrow();
        let mut came = self.answers.came.subscribe();
        came.wait_for(|came| *came > allowed)
            .await
            .expect("the link lives");
    }

    pub(crate) fn release(&self) {
        self.answers.allowed.send_replace(u64::MAX);
    }

    /// Breaks every connection; what is held is lost.
    pub(crate) fn cut(&self) {
        self.answers.cut.send_replace(true);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.cut();
        self.accepting.abort();
    }
}

async fn carry(client: TcpStream, server: TcpStream, answers: Arc<Answers>) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut cut = answers.cut.subscribe();
    tokio::select! {
        biased;
        _ = cut.wait_for(|cut| *cut) => {}
        () = questions(from_client, to_server) => {}
        () = replies(from_server, to_client, &answers) => {}
    }
}

async fn questions(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let _ended = tokio::io::copy(&mut from, &mut to).await;
}

async fn replies(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, answers: &Answers) {
    let mut chunk = vec![0; 64 * 1024];
    let mut allowed = answers.allowed.subscribe();
    while let Ok(size @ 1..) = from.read(&mut chunk).await {
        let mut number = 0;
        answers.came.send_modify(|came| {
            *came += 1;
            number = *came;
        });
        let passes = allowed.wait_for(|allowed| number <= *allowed).await.is_ok();
        if !passes || to.write_all(&chunk[..size]).await.is_err() {
            return;
        }
    }
}
