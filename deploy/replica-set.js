// Puts the replica set and its three users together; run by mongosh on the first member's own machine. Safe to repeat.
//   admin       opens the set to whoever repairs it
//   prop_owner  makes collections, validators and indexes: `prop database init`
//   prop        what the service runs as: it may add evidence, never change or remove it
const fs = require("fs");
const secret = (name) => fs.readFileSync(`/run/secrets/production-mongo-${name}`, "utf8").trim();
const users = (name) => /^mongodb:\/\/(?<user>[^:]+):(?<pwd>[^@]+)@/.exec(secret(name)).groups;
const admin = db.getSiblingDB("admin");

const loggedIn = () => {
  try {
    return admin.auth("admin", secret("admin")).ok === 1;
  } catch {
    return false; // no such user yet: the first start
  }
};

const ensureSet = () => {
  const members = ["mongo1", "mongo2", "mongo3"].map((host, _id) => ({ _id, host: `${host}:27017`, priority: _id ? 1 : 2 }));
  try {
    rs.initiate({ _id: "prop", members });
  } catch (error) {
    if (error.codeName !== "AlreadyInitialized") throw error;
  }
  for (let waited = 0; !admin.hello().isWritablePrimary; waited += 1) {
    if (waited === 60) throw new Error("mongo1 did not become the primary within 60 s");
    sleep(1000);
  }
};

const ensureRole = (role, privileges, roles) =>
  admin.getRole(role) ? admin.updateRole(role, { privileges, roles }) : admin.createRole({ role, privileges, roles });

const ensureUser = ({ user, pwd }, roles) =>
  admin.getUser(user) ? admin.updateUser(user, { pwd, roles }) : admin.createUser({ user, pwd, roles });

if (!loggedIn()) {
  ensureSet();
  admin.createUser({ user: "admin", pwd: secret("admin"), roles: ["root"] });
  admin.auth("admin", secret("admin"));
}
const both = (role) => ["prop", "prop_evidence"].map((db) => ({ role, db }));
const grant = (collection, ...actions) => ({ resource: { db: "prop_evidence", collection }, actions });
ensureRole(
  "prop_evidence_writer",
  [
    grant("", "find", "insert", "changeStream", "listCollections", "listIndexes"),
    // The log's state and its growing tiles move on, its queue empties; records and batches are never touched again.
    grant("log", "update"),
    grant("log_tiles", "update"),
    grant("log_queue", "remove"),
  ],
  [],
);
ensureUser(users("owner-uri"), [...both("readWrite"), ...both("dbAdmin")]);
ensureUser(users("uri"), [{ role: "readWrite", db: "prop" }, { role: "prop_evidence_writer", db: "admin" }]);
print("the replica set and its users are there");
