uses:Three*
