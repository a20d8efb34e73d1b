package providers

// What a policy host needs that belay cannot make by itself, as the recipes of the hosts
// without a vendor: DOMAIN stands for the policy domain.

const webrootNeeds = `1. A folder here that whoever runs belay may write in, and the web server may
   read: install -d -o USER -m 755 /srv/mta-sts
2. A virtual host for mta-sts.DOMAIN on that folder: port 443, status 200,
   text/plain, no redirect, no login, on every address of the name.
   belay export DOMAIN prints it for nginx, Caddy, Apache and HAProxy.
3. A certificate for mta-sts.DOMAIN that senders trust, and that is renewed
   by itself.
The folder belongs to one rollout.`

const sftpNeeds = `1. A folder there that USER may write in and the web server may read, such as
   sftp://USER@HOST/srv/mta-sts; /~/DIR lies below the home directory.
2. A key: in the SSH agent, one of yours without a passphrase, or the file that
   BELAY_SSH_KEY names. ssh-copy-id USER@HOST lets it in. Never a password.
3. HOST in known_hosts (BELAY_SSH_KNOWN_HOSTS names another file): log in once
   by ssh USER@HOST, and compare the fingerprint.
4. An SFTP server that knows posix-rename@openssh.com, as OpenSSH does; a login
   for SFTP alone (internal-sftp) is enough.
5. A virtual host for mta-sts.DOMAIN on that folder: port 443, status 200,
   text/plain, no redirect, and a certificate that senders trust.
   belay export DOMAIN prints it for nginx, Caddy, Apache and HAProxy.`

const staticNeeds = `1. A folder that whoever runs belay may write in; it is made where it is
   missing. A checkout of its own will do: files in it are left alone.
2. A host of static pages that publishes it at https://mta-sts.DOMAIN/, with
   mta-sts.DOMAIN as its custom domain and HTTPS: GitHub Pages, Netlify,
   Cloudflare Pages, or S3 behind CloudFront.
3. You, after each change: belay writes the folder and says how to publish it,
   and goes on when senders see it. It logs in nowhere.`

const serveNeeds = `1. Ports 443 and 80 of every address that mta-sts.DOMAIN points to, open to
   everybody, with nothing before them that ends TLS. Port 80 is for the CA
   alone. Behind NAT, or without port 80: belay set DOMAIN --challenge dns.
2. A running belay serve on this rollout's store, before phase 3. As root; as a
   service, whose units belay export --systemd prints; or as an ordinary user
   with CAP_NET_BIND_SERVICE.
3. Certificates: belay orders and renews them by itself (Let's Encrypt, or the
   CA of --acme-ca). belay serve --rehearse tries that where it costs nothing.
   With files of your own: belay serve --tls-cert FILE --tls-key FILE.`

const manualNeeds = `1. A web server at mta-sts.DOMAIN, wherever it is: port 443, status 200,
   text/plain, no redirect, no login, on every address of the name, and a
   certificate that senders trust.
2. You, after each change: belay shows the bytes, their SHA-256 and a command
   that writes them, and goes on when senders see them. It logs in nowhere.`
