"""The border to BACnet: what is on the wire stays behind `points.bacnet.port.Bacnet`."""
