# All that the scrape may do: numbers and the names of grants, no token. A token without the policy "default" needs the
# second rule too, to renew itself.
path "oauth/metrics" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
