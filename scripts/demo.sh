#!/bin/sh
# The product in under two minutes: a sandbox of five token endpoints on loopback, a real Vault with
# the plugin, and the commands that an operator and a workload would type, with what they answer.
# With --stay it ends in a Vault to play with, until Ctrl-C. `make demo` and `make dev` run it.
#
# Everything lives in one private temporary directory: no ~/.vault-token, no network beyond loopback.
set -eu
umask 077
root=$(cd "$(dirname "$0")/.." && pwd -P)
VAULT_BIN=$("$root/scripts/vault.sh")
began=$(date +%s)

work=$(cd "$(mktemp -d)" && pwd -P) # Vault refuses a plugin directory behind a symlink
cd "$work"
mkdir bin
# What evaluates the alerts is compiled beside the demo, while there are the caller's home and proxy: half a minute, once.
(cd "$root/tools/prometheus" && exec go build -o "$work/bin/firing" ./firing) >firing.log 2>&1 &
firing=$!
# Nothing of the caller's Vault or proxy may get between the commands below and their servers.
unset VAULT_NAMESPACE VAULT_CACERT VAULT_CAPATH VAULT_FORMAT VAULT_AGENT_ADDR VAULT_PROXY_ADDR VAULT_WRAP_TTL \
	HTTPS_PROXY https_proxy HTTP_PROXY http_proxy NO_PROXY no_proxy
export HOME="$work"

# The commands below say `vault` and `sandbox`, whatever the binaries are called and wherever they are.
ln -s "$VAULT_BIN" bin/vault
ln -s "$root/bin/sandbox" bin/sandbox
ln -s "$root/bin/oauthrefresh-import" bin/oauthrefresh-import # which scripts/import looks for
ln -s "$root/scripts" scripts
ln -s "$root/examples" examples
export PATH="$work/bin:$PATH"

# --- what the reader sees ------------------------------------------------------------------------

bold='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
fi
number=0
step() {
	number=$((number + 1))
	printf '\n%s== %d. %s%s\n' "$bold" "$number" "$1" "$plain"
}
note() { printf '\n%s%s%s\n' "$dim" "$1" "$plain"; }

# run prints a command exactly as it is written here, then runs it: secrets appear as the names of the
# variables that hold them, and what is printed is what is done.
run() {
	printf '\n%s$ %s%s\n' "$bold" "$1" "$plain"
	eval "$1" 2>&1
}
# refused is run for a command that must fail.
refused() {
	if run "$1"; then
		echo "demo: this should have been refused" >&2
		exit 1
	fi
}

# --- processes, and their end --------------------------------------------------------------------

pids=$firing
start() { # start LOGFILE COMMAND...: in the background, killed at the end
	log=$1
	shift
	"$@" >"$log" 2>&1 &
	pid=$!
	pids="$pid $pids"
}
await() { # await WHAT COMMAND...: until the command succeeds, 30 seconds at most
	what=$1 tries=150
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		if [ $tries -eq 0 ]; then
			echo "demo: $what did not happen within 30 seconds" >&2
			exit 1
		fi
		sleep 0.2
	done
}
cleanup() {
	status=$?
	trap - EXIT
	trap '' INT TERM HUP # a group's signal comes twice, from whoever sent it and from make
	for pid in $pids; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	cd /
	if [ $status -eq 0 ] || [ $status -ge 128 ]; then # done, or ended by a signal
		rm -rf "$work"
	else
		echo "demo: stopped; the logs of Vault, its Agent and the sandbox are in $work" >&2
	fi
	exit $status
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

random() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# start_vault tries ports until one is free: a dev server can't be asked which port it was given.
start_vault() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000))
		start vault.log vault server -dev -config=vault.hcl -dev-no-store-token \
			-dev-listen-address="127.0.0.1:$port" -dev-root-token-id="$VAULT_TOKEN"
		export VAULT_ADDR="http://127.0.0.1:$port"
		for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
			sleep 0.5
			kill -0 "$pid" 2>/dev/null || break
			if vault token lookup >/dev/null 2>&1; then return; fi
		done
		grep -q 'address already in use' vault.log || break
	done
	cat vault.log >&2
	echo 'demo: Vault did not start' >&2
	exit 1
}

# --- the demo ------------------------------------------------------------------------------------

step 'Five token endpoints on loopback, under their own CA'
note '$ sandbox &'
start sandbox.log sandbox
await 'the start of the sandbox' test -f sandbox-data/sandbox.env
note "It answers as api.ibanity.com, login.salesforce.com, api.pandadoc.com, auth.pingone.com and
apiv2.keliweb.it through a proxy, checks requests as strictly as they do, and opens no connection."

step 'A Vault with the plugin'
mkdir plugins
cp "$root/bin/vault-plugin-secrets-oauthrefresh" plugins/
printf 'plugin_directory = "%s/plugins"\n' "$work" >vault.hcl
VAULT_TOKEN=$(random 16)
export VAULT_TOKEN
note '$ vault server -dev -config=vault.hcl &'
start_vault
. ./sandbox-data/sandbox.env # SANDBOX_PROXY and CA, and the credentials that the roles below are written with
run 'vault plugin register -env=HTTPS_PROXY="$SANDBOX_PROXY" \
    -sha256="$(sha256sum plugins/vault-plugin-secrets-oauthrefresh | cut -d" " -f1)" \
    secret vault-plugin-secrets-oauthrefresh'
run 'vault secrets enable -path=oauth vault-plugin-secrets-oauthrefresh'
run 'vault write oauth/config ca_certificate=@"$SANDBOX_CA"'
run 'vault list oauth/providers'

# reads shows the same access token leased twice, and what that cost the provider.
reads() {
	run "vault read oauth/creds/$1 | cut -c-98"
	note 'Again: the same token, another lease.'
	run "vault read oauth/creds/$1 | grep -E '^(lease_id|generation|token_id)'"
	note 'What the provider saw of these two reads, secrets as digests:'
	run "sandbox requests $2"
}

step 'Isabel Connect: mutual TLS with a PFX, HTTP Basic, an idempotency key'
run 'vault write oauth/roles/payments provider=isabel-connect \
    client_id="$ISABEL_CLIENT_ID" client_secret="$ISABEL_CLIENT_SECRET" \
    refresh_token="$ISABEL_REFRESH_TOKEN" \
    pfx="$(base64 -w0 "$ISABEL_PFX")" pfx_password="$ISABEL_PFX_PASSWORD"'
reads payments isabel-connect

# A machine without curl gets as much of it as this takes.
command -v curl >/dev/null || (cd "$root" && go build -o "$work/bin/curl" ./scripts/curl)
note "Isabel's API wants the client certificate along with the token, so the role may hand it out:"
run 'vault write oauth/roles/payments identity_readable=true'
run '{ vault read -field=certificate_chain oauth/identity/payments
  vault read -field=private_key oauth/identity/payments; } >payments.pem'
run 'echo "Authorization: Bearer $(vault read -field=access_token oauth/creds/payments)" >payments.header'
run 'curl --silent --show-error --fail --proxy "$SANDBOX_PROXY" --cacert "$SANDBOX_CA" \
    --cert payments.pem --header @payments.header --header "Accept: application/vnd.api+json" \
    https://api.ibanity.com/isabel-connect/accounts'
echo

step 'Salesforce: no lifetime in the answer, an instance_url to call'
run 'vault write oauth/roles/crm provider=salesforce provider_params=domain="$SALESFORCE_DOMAIN" \
    client_id="$SALESFORCE_CLIENT_ID" client_secret="$SALESFORCE_CLIENT_SECRET" \
    refresh_token="$SALESFORCE_REFRESH_TOKEN"'
reads crm salesforce
run 'vault read -field=instance_url oauth/creds/crm'; echo

step 'PandaDoc: a token for a year, a lease no longer than the mount allows'
run 'vault write oauth/roles/contracts provider=pandadoc scope="$PANDADOC_SCOPE" \
    client_id="$PANDADOC_CLIENT_ID" client_secret="$PANDADOC_CLIENT_SECRET" \
    refresh_token="$PANDADOC_REFRESH_TOKEN"'
reads contracts pandadoc

step 'Keliweb: every refresh ends the old tokens, so none is made early'
run 'vault write oauth/roles/hosting provider=keliweb \
    client_id="$KELIWEB_CLIENT_ID" client_secret="$KELIWEB_CLIENT_SECRET" \
    refresh_token="$KELIWEB_REFRESH_TOKEN"'
reads hosting keliweb

step 'PingOne: a person agrees in a browser, HTTP Basic, the refresh token rotates'
run 'vault write oauth/config external_url="$VAULT_ADDR/v1/oauth"'
run 'vault write oauth/roles/login provider=pingone \
    provider_params=environment_id="$PINGONE_ENVIRONMENT_ID" \
    client_id="$PINGONE_CLIENT_ID" client_secret="$PINGONE_CLIENT_SECRET" scope="openid email"'
run 'vault write -force -field=authorization_url oauth/authorize/login >address'
note 'The browser, played: it logs in as alice, clicks Allow, and ends at the page that Vault shows.'
run 'sandbox browse "$(cat address)" | tee page'
note 'Only who has begun this can finish it, and only with the code that the browser has shown:'
run 'vault write oauth/confirm/login \
    confirmation_code="$(grep -oE "[B-Z]{4}-[B-Z]{4}" page | head -n 1)"'
reads login pingone

step 'A workload may read its token, and nothing else'
cat >workload.hcl <<'HCL'
path "oauth/creds/login" { capabilities = ["read"] }
path "oauth/roles/login" { capabilities = ["deny"] }
HCL
run 'cat workload.hcl'
run 'vault policy write workload workload.hcl'
run 'vault token create -policy=workload -ttl=1h -field=token >workload-token'
run 'VAULT_TOKEN="$(cat workload-token)" vault read -field=expires_at oauth/creds/login'; echo
refused 'VAULT_TOKEN="$(cat workload-token)" vault read oauth/roles/login'

step 'A Vault Agent keeps a file fresh, here across tokens that live 10 seconds'
cat >agent.hcl <<'HCL'
auto_auth {
  method "token_file" { config = { token_file_path = "workload-token" } }
}
template {
  source      = "app.env.tmpl"
  destination = "app.env"
}
HCL
cat >app.env.tmpl <<'TMPL'
{{ with secret "oauth/creds/login" -}}
ACCESS_TOKEN={{ .Data.access_token }}
EXPIRES_AT={{ .Data.expires_at }}
GENERATION={{ .Data.generation }}
{{ end -}}
TMPL
run 'cat app.env.tmpl'
run 'sandbox control provider=pingone expires_in=10'
run 'vault write -force oauth/refresh/login'
note '$ vault agent -config=agent.hcl &'
start agent.log vault agent -config=agent.hcl
first=''
for _ in 1 2 3; do
	await 'a new rendering' sh -c "grep '^GENERATION=' app.env | grep -vxF '${first:-none}'"
	first=$(grep '^GENERATION=' app.env)
	run 'cut -c-96 app.env'
	run 'grep ACCESS_TOKEN= app.env | cut -d= -f2 | sandbox introspect pingone'
done

step 'A grant is about to die: the status, the metrics, the alert'
note "Somebody knows that PandaDoc's client secret ends in five days, and writes it to the role:"
run 'ends="$(date -u -d "+5 days" +%Y-%m-%d 2>/dev/null || date -u -v+5d +%Y-%m-%d)"'
run 'vault write oauth/roles/contracts client_secret_expires_at="$ends"'
run 'vault read oauth/status'
note 'The same for Prometheus, which asks every 30 seconds. Of that grant it hears:'
run 'curl --silent --show-error --fail --header "X-Vault-Token: $VAULT_TOKEN" \
    "$VAULT_ADDR/v1/oauth/metrics" >scrape'
run 'grep -E "^oauthrefresh.*(contracts|dying.*pandadoc)" scrape'
if wait "$firing"; then built=yes; else built=no; fi
pids=${pids% "$firing"} # which may be another's by the end of make dev
if [ $built = yes ]; then
	note "And this alert goes out: the rules of examples/prometheus, in Prometheus' own engine."
	run 'firing examples/prometheus/rules.yml oauth <scrape'
else
	note "Prometheus' rule engine could not be compiled here: $(tail -n 1 firing.log)
This is the alert that goes out:"
	run 'sed -n "/alert: OauthrefreshGrantDying/,/runbook_url/p" examples/prometheus/rules.yml'
fi

printf '\n%sDone in %d seconds.%s\n' "$bold" $(($(date +%s) - began)) "$plain"
if [ "${1:-}" != --stay ]; then
	cat <<-'TEXT'

		Next:
		  make dev     the same, left running for you to try things in
		  make test    the whole product under test
		  docs/operate.md  many grants: Prometheus, alerts, a dashboard
		  README.md    what it does, from a role to a token, and where the rest is
	TEXT
	exit 0
fi

run 'sandbox control provider=pingone expires_in=3600'
cat <<TEXT

Vault, its Agent and the sandbox stay until Ctrl-C. In another terminal:

  cd $work
  export PATH=$work/bin:\$PATH VAULT_ADDR=$VAULT_ADDR VAULT_TOKEN=$VAULT_TOKEN
  . ./sandbox-data/sandbox.env
  export BROWSER='sandbox browse'

Then, for example:

  vault path-help oauth                                  what the engine can do
  vault read oauth/status                                the state of every grant
  curl -H "X-Vault-Token: \$VAULT_TOKEN" \$VAULT_ADDR/v1/oauth/metrics      the same for Prometheus
  vault read oauth/creds/login min_ttl=50m               a token that lives at least that long
  vault read oauth/explain/login                         what such a read would do, and send
  vault read oauth/rehearse/payments                     whether a refresh could reach the provider
  sandbox control provider=keliweb revoke=grants         the grant dies at the provider ...
  vault write -force oauth/refresh/hosting               ... and this is what an operator sees
  vault write oauth/roles/hosting refresh_token="\$(sandbox grant keliweb)"      ... and does
  scripts/authorize login                                a new grant for login: agree once more, type the code
  tail -f vault.log sandbox.log agent.log
TEXT
trap 'exit 0' INT TERM HUP
wait
