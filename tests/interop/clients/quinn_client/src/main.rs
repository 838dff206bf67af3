// SPDX-License-Identifier: Apache-2.0
//
// quinn_client PORT TASK NAME...: sends files below www/ to an echo server (ALPN quicore-echo), one stream
// each, and writes what comes back below got/. Tasks: plain, concurrent, key-update, rebind, resume,
// early-data. The last two connect twice; 0-RTT is what the second connection begins with.
use std::{error::Error, fs, net::UdpSocket, path::Path, sync::Arc, time::Duration};

use quinn::{crypto::rustls::QuicClientConfig, ClientConfig, Connection, Endpoint, VarInt};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn config() -> Outcome<ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    for cert in rustls_pemfile::certs(&mut fs::read("cert.pem")?.as_slice()) {
        roots.add(cert?)?;
    }
    let mut tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    tls.alpn_protocols = vec![b"quicore-echo".to_vec()];
    tls.enable_early_data = true;
    Ok(ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?)))
}

async fn echo(connection: Connection, name: String) -> Outcome<()> {
    let (mut send, mut receive) = connection.open_bi().await?;
    let body = fs::read(format!("www/{name}"))?;
    let sending = tokio::spawn(async move {
        send.write_all(&body).await?;
        send.finish()?;
        Outcome::Ok(())
    });
    let answer = receive.read_to_end(1 << 30).await?;
    sending.await??;
    let place = format!("got/{name}");
    fs::create_dir_all(Path::new(&place).parent().unwrap())?;
    fs::write(place, answer)?;
    Ok(())
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let server = format!("127.0.0.1:{}", arguments[0]).parse()?;
    let (task, names) = (arguments[1].as_str(), &arguments[2..]);
    let mut endpoint = Endpoint::client("127.0.0.1:0".parse()?)?;
    endpoint.set_default_client_config(config()?);

    let mut connection = endpoint.connect(server, "localhost")?.await?;
    if task == "resume" || task == "early-data" {
        echo(connection.clone(), "small".into()).await?;
        tokio::time::sleep(Duration::from_millis(300)).await; // the ticket comes after the handshake
        connection.close(VarInt::from_u32(0), b"");
        let connecting = endpoint.connect(server, "localhost")?;
        if task == "early-data" {
            let Ok((early, accepted)) = connecting.into_0rtt() else {
                return Err("no 0-RTT to be had".into());
            };
            echo(early.clone(), names[0].clone()).await?;
            println!("early_data {}", accepted.await);
            return Ok(());
        }
        connection = connecting.await?;
    }
    if task == "concurrent" {
        let all: Vec<_> = names.iter().map(|name| tokio::spawn(echo(connection.clone(), name.clone()))).collect();
        for one in all {
            one.await??;
        }
    } else {
        for (number, name) in names.iter().enumerate() {
            if number == 1 && task == "key-update" {
                connection.force_key_update();
            }
            if number == 1 && task == "rebind" {
                endpoint.rebind(UdpSocket::bind("127.0.0.1:0")?)?;
            }
            echo(connection.clone(), name.clone()).await?;
        }
    }
    connection.close(VarInt::from_u32(0), b"");
    endpoint.wait_idle().await;
    println!("done");
    Ok(())
}
