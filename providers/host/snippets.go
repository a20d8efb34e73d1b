package host

import (
	"fmt"
	"strings"

	"belay/rollout"
	"belay/rollout/mtasts"
)

// Snippet is a piece of configuration that makes a web server serve the policy.
type Snippet struct {
	// Server is "nginx", "Caddy", "Apache" or "HAProxy".
	Server string `json:"server"`
	// Text is the configuration, ready to be put in a file of its own.
	Text string `json:"text"`
}

// Snippets are server configurations that serve h's policy of domain as RFC 8461
// section 3.3 asks: at its one name, over HTTPS, as text/plain, with status 200
// and no redirect, and so that no cache in between keeps an old body. Where h
// names no directory, /var/www/mta-sts.DOMAIN stands for it. nginx, Apache and HAProxy
// are shown with certbot's command and paths, and with the hook by which a renewed
// certificate is shown: a server reads it when it is told to, and without one would
// show the old until it ends. Caddy gets and renews its certificate itself. HAProxy
// wants chain and key in one file, and reads the policy when it starts. There are none
// where a vendor's own servers answer.
func Snippets(domain string, h rollout.HostAccount) []Snippet {
	if h.NamesItself() || h.WritesID() {
		return []Snippet{}
	}
	name := mtasts.PolicyHost(domain)
	dir := h.Place
	if target, err := ParseTarget(h.String()); err == nil {
		dir = target.Dir
	}
	if dir == "" {
		dir = "/var/www/" + name
	}
	fill := strings.NewReplacer("{NAME}", name, "{DIR}", quotePath(dir), "{WELLKNOWN}", quotePath(dir+"/"+wellKnown),
		"{FILE}", quotePath(dir+"/"+wellKnown+"/"+policyFile))
	return []Snippet{
		{Server: "nginx", Text: fill.Replace(nginx)},
		{Server: "Caddy", Text: fill.Replace(caddy)},
		{Server: "Apache", Text: fill.Replace(apache)},
		{Server: "HAProxy", Text: fill.Replace(haproxy)},
	}
}

// quotePath quotes a path as all these servers read it.
func quotePath(path string) string {
	return fmt.Sprintf(`"%s"`, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(path))
}

const nginx = `# /etc/nginx/conf.d/mta-sts.conf, then: nginx -t && systemctl reload nginx
# The certificate first, by --webroot or --standalone; the hook has each renewed one shown:
# certbot certonly -d {NAME} --deploy-hook 'systemctl reload nginx'
server {
    listen 443 ssl;
    listen [::]:443 ssl;
    server_name {NAME};

    ssl_certificate     /etc/letsencrypt/live/{NAME}/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/{NAME}/privkey.pem;

    location = /.well-known/mta-sts.txt {
        root {DIR};
        types { }
        default_type text/plain;
        add_header Cache-Control no-cache;
    }
    location / {
        return 404;
    }
}
`

const caddy = `# In /etc/caddy/Caddyfile, then: systemctl reload caddy
# Caddy gets and renews the certificate by itself, once the name leads here.
{NAME} {
	root * {DIR}
	handle /.well-known/mta-sts.txt {
		header Content-Type text/plain
		header Cache-Control no-cache
		file_server
	}
	handle {
		respond 404
	}
}
`

const apache = `# /etc/apache2/sites-available/mta-sts.conf, then: a2enmod ssl headers && a2ensite mta-sts && systemctl reload apache2
# The certificate first, by --webroot or --standalone; the hook has each renewed one shown:
# certbot certonly -d {NAME} --deploy-hook 'systemctl reload apache2'
<VirtualHost *:443>
    ServerName {NAME}
    DocumentRoot {DIR}

    SSLEngine on
    SSLCertificateFile    /etc/letsencrypt/live/{NAME}/fullchain.pem
    SSLCertificateKeyFile /etc/letsencrypt/live/{NAME}/privkey.pem

    <Directory {WELLKNOWN}>
        AllowOverride None
        Require all granted
    </Directory>
    <Location "/.well-known/mta-sts.txt">
        ForceType text/plain
        Header set Cache-Control no-cache
    </Location>
</VirtualHost>
`

const haproxy = `# In /etc/haproxy/haproxy.cfg; a "defaults" section before it sets "timeout client".
# The certificate first, by --webroot or --standalone. HAProxy wants chain and key in one file; the hook joins them, of
# each renewed one too, and has it shown:
# install -d -m 700 /etc/haproxy/certs
# certbot certonly -d {NAME} --deploy-hook 'umask 077; cat "$RENEWED_LINEAGE/fullchain.pem" "$RENEWED_LINEAGE/privkey.pem" > /etc/haproxy/certs/{NAME}.pem.new && mv /etc/haproxy/certs/{NAME}.pem.new /etc/haproxy/certs/{NAME}.pem && systemctl reload haproxy'
# The policy is read when HAProxy starts: after each change of the file, systemctl reload haproxy
frontend mta-sts
    mode http
    bind :443,:::443 ssl crt /etc/haproxy/certs/{NAME}.pem alpn h2,http/1.1
    http-request return status 200 content-type text/plain file {FILE} hdr Cache-Control no-cache if { path /.well-known/mta-sts.txt }
    http-request return status 404
`
