package authorize

// Why a consent has failed, and what to do: shown on the page, by authorize/<role> and to whoever confirms. None holds
// anything that came with a request or from a provider.
const (
	reasonLost        = "the provider's answer to the exchange of the authorization code was lost, and the code can't be used again: begin again"
	reasonChanged     = "the role, its provider or the configuration has changed since this was begun, so nothing was sent: look at explain, and begin again"
	reasonIssuer      = "the answer does not say that it comes from the issuer of this role's provider (RFC 9207), so it was not taken: check issuer of the provider, and begin again"
	reasonNoCode      = "the provider sent the browser back without an authorization code and without an error: check authorization_code_parameter of the provider, and begin again"
	reasonIDToken     = "the ID token that came is not one for this client and this consent, so nothing was taken: check client_id, issuer and jwks_uri, and begin again"
	reasonNoRefresh   = "the provider gave an access token and no refresh token, so there is no grant to keep and nothing was activated"
	reasonAccount     = "another account has agreed than the one that this role wants of you (bound_account), so nothing was activated: log out at the provider, and begin again with the right one"
	reasonNoAccount   = "the role wants an account of yours that Vault does not know (bound_account): ask whoever runs Vault to add it to your entity, and begin again"
	reasonTooMany     = "five confirmation codes were wrong, so this consent was dropped: begin again"
	reasonUnconfirmed = "somebody has agreed and nobody has confirmed it in time, so it was forgotten: begin again"
	reasonWithdrawn   = "the role does not permit the device flow any more, so what it has brought was forgotten: use authorize/<role>, or write device_flow=true to the role"
	reasonExpired     = "nobody agreed in time: begin again"
	reasonBusy        = "the exchange of the authorization code took no effect, and a code is not presented twice: begin again"
	reasonShutdown    = "the mount was shutting down, so nothing was sent: begin again"
	reasonUnreadable  = "the provider's keys could not be fetched, so whose account this is could not be verified yet: try again, and if that goes on, check jwks_uri of the provider"
)
