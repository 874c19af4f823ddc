"""What `make` calls: setting up and running everything on one machine. No part of the service itself."""
