-- Who may do what: each service has a role of its own. The login of all of them, `travelhub`, may do
-- nothing by itself; a service takes its role when it connects (POSTGRES_ROLE). So an error in one
-- service does not write what belongs to another: only the cashier writes the ledger of charges.
-- It is no protection from somebody who has the password, since he may take any of the roles.

CREATE ROLE search NOLOGIN;
CREATE ROLE reservations NOLOGIN;
CREATE ROLE inventory NOLOGIN;
CREATE ROLE cashier NOLOGIN;

ALTER ROLE travelhub NOINHERIT;
GRANT search, reservations, inventory, cashier TO travelhub;
