//! User accounts, and the names they sign in with.

use super::schema::{login_names, user_groups, user_roles, users};
use super::{DbConnection, StorageError, pattern};
use crate::protocol::time::Timestamp;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use icu_normalizer::ComposingNormalizerBorrowed;
use serde_json::{Map, Value};

/// A person's account.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    pub id: String,
    pub email: String,
    pub email_verified: bool,
    pub username: Option<String>,
    pub name: Option<String>,
    /// Standard claims beyond the fields here (OpenID Connect Core §5.1).
    pub claims: Map<String, Value>,
    /// An Argon2id hash in PHC form.
    pub password_hash: Option<String>,
    pub password_changed_at: Option<Timestamp>,
    pub blocked_at: Option<Timestamp>,
    pub blocked_reason: Option<String>,
    /// The language of the pages, a BCP 47 tag.
    pub language: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub last_sign_in_at: Option<Timestamp>,
}

impl User {
    /// What to call the person on a page.
    pub fn display_name(&self) -> &str {
        self.name.as_deref().or(self.username.as_deref()).unwrap_or(&self.email)
    }

    /// Whether what was proved with the password of this account is worth something for what is
    /// stored of it by now: the same password, and no block.
    pub fn is_still(&self, stored: &Self) -> bool {
        stored.blocked_at.is_none() && stored.password_hash == self.password_hash
    }
}

/// Which users to list.
#[derive(Debug, Clone, Default)]
pub struct UserQuery {
    /// Text that the name, email, user name or id contains.
    pub search: Option<String>,
    /// Only blocked (`true`) or only active (`false`) ones.
    pub blocked: Option<bool>,
    pub role: Option<String>,
    /// Those after this one, in the order of creation.
    pub after: Option<(Timestamp, String)>,
    pub limit: i64,
}

/// The form in which login names are compared: no outer space, lower case, and one spelling of what
/// looks the same (Unicode NFKC).
pub fn canonical(login_name: &str) -> String {
    let lower = login_name.trim().to_lowercase();
    match lower.is_ascii() {
        true => lower,
        false => const { ComposingNormalizerBorrowed::new_nfkc() }
            .normalize(&lower)
            .to_lowercase()
            .trim()
            .to_owned(),
    }
}

/// Finds a user by id.
pub fn find(conn: &mut DbConnection, id: &str) -> Result<Option<User>, StorageError> {
    let row: Option<Row> =
        on!(conn, |c| users::table.find(id).select(Row::as_select()).get_result(c).optional())?;
    row.map(User::try_from).transpose()
}

/// Finds a user and keeps everyone else from changing the account until the transaction ends. What
/// others write that only names the account does not wait: it may hold what this one needs next.
pub fn hold(conn: &mut DbConnection, id: &str) -> Result<Option<User>, StorageError> {
    if let DbConnection::Postgres(conn) = conn {
        let row = users::table.find(id).select(users::id).for_no_key_update();
        row.first::<String>(conn).optional()?;
    }
    find(conn, id)
}

/// Finds a user by what they type at sign-in.
pub fn find_by_login_name(
    conn: &mut DbConnection,
    login_name: &str,
) -> Result<Option<User>, StorageError> {
    let id: Option<String> = login_names::table
        .find(canonical(login_name))
        .select(login_names::user_id)
        .get_result(conn)
        .optional()?;
    match id {
        Some(id) => find(conn, &id),
        None => Ok(None),
    }
}

/// Inserts a user.
///
/// # Errors
///
/// `Conflict` when the email or user name is somebody's email or user name already.
pub fn insert(conn: &mut DbConnection, user: &User) -> Result<(), StorageError> {
    diesel::insert_into(users::table).values(Row::from(user)).execute(conn)?;
    insert_login_names(conn, user)
}

/// Writes a user's profile over the old one. Password and block have functions of their own.
///
/// # Errors
///
/// `Conflict` when the email or user name is somebody else's already.
pub fn update(conn: &mut DbConnection, user: &User) -> Result<(), StorageError> {
    let row = Row::from(user);
    diesel::update(users::table.find(&user.id))
        .set((
            users::email.eq(row.email),
            users::email_verified.eq(row.email_verified),
            users::username.eq(row.username),
            users::name.eq(row.name),
            users::claims.eq(row.claims),
            users::language.eq(row.language),
            users::updated_at.eq(row.updated_at),
        ))
        .execute(conn)?;
    diesel::delete(login_names::table.filter(login_names::user_id.eq(&user.id))).execute(conn)?;
    insert_login_names(conn, user)
}

fn insert_login_names(conn: &mut DbConnection, user: &User) -> Result<(), StorageError> {
    let email = canonical(&user.email);
    let username = user.username.as_deref().map(canonical).filter(|name| *name != email);
    for name in [Some(email), username].into_iter().flatten() {
        diesel::insert_into(login_names::table)
            .values((login_names::canonical.eq(name), login_names::user_id.eq(&user.id)))
            .execute(conn)?;
    }
    Ok(())
}

/// Sets the password.
pub fn set_password(
    conn: &mut DbConnection,
    id: &str,
    password_hash: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    diesel::update(users::table.find(id))
        .set((
            users::password_hash.eq(password_hash),
            users::password_changed_at.eq(now.as_unix()),
            users::updated_at.eq(now.as_unix()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Blocks a user. True when they were not blocked before.
pub fn block(
    conn: &mut DbConnection,
    id: &str,
    reason: &str,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let changed = diesel::update(users::table.find(id))
        .filter(users::blocked_at.is_null())
        .set((
            users::blocked_at.eq(now.as_unix()),
            users::blocked_reason.eq(reason),
            users::updated_at.eq(now.as_unix()),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Unblocks a user. True when they were blocked before.
pub fn unblock(conn: &mut DbConnection, id: &str, now: Timestamp) -> Result<bool, StorageError> {
    let changed = diesel::update(users::table.find(id))
        .filter(users::blocked_at.is_not_null())
        .set((
            users::blocked_at.eq(None::<i64>),
            users::blocked_reason.eq(None::<String>),
            users::updated_at.eq(now.as_unix()),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Removes a user with names, roles, groups, sessions and consents. False when gone already.
pub fn delete(conn: &mut DbConnection, id: &str) -> Result<bool, StorageError> {
    Ok(diesel::delete(users::table.find(id)).execute(conn)? == 1)
}

/// Remembers a sign-in.
pub fn set_last_sign_in(
    conn: &mut DbConnection,
    id: &str,
    now: Timestamp,
) -> Result<(), StorageError> {
    diesel::update(users::table.find(id))
        .set(users::last_sign_in_at.eq(now.as_unix()))
        .execute(conn)?;
    Ok(())
}

/// Lists users in the order of their creation.
pub fn list(conn: &mut DbConnection, query: &UserQuery) -> Result<Vec<User>, StorageError> {
    let mut rows = users::table.into_boxed().select(Row::as_select());
    if let Some(search) = query.search.as_deref() {
        let pattern = pattern::containing(search);
        let like = |pattern: &str| pattern.to_owned();
        rows = rows.filter(
            users::email
                .like(like(&pattern))
                .escape(pattern::ESCAPE)
                .or(users::id.like(like(&pattern)).escape(pattern::ESCAPE))
                .or(diesel::dsl::exists(
                    login_names::table.filter(login_names::user_id.eq(users::id)).filter(
                        login_names::canonical.like(like(&pattern)).escape(pattern::ESCAPE),
                    ),
                )),
        );
    }
    rows = match query.blocked {
        Some(true) => rows.filter(users::blocked_at.is_not_null()),
        Some(false) => rows.filter(users::blocked_at.is_null()),
        None => rows,
    };
    if let Some(role) = query.role.clone() {
        rows = rows.filter(diesel::dsl::exists(
            user_roles::table
                .filter(user_roles::user_id.eq(users::id))
                .filter(user_roles::role.eq(role)),
        ));
    }
    in_order!(rows, users, query.after.clone(), query.limit)
        .load(conn)?
        .into_iter()
        .map(User::try_from)
        .collect()
}

/// How many users there are.
pub fn count(conn: &mut DbConnection) -> Result<i64, StorageError> {
    Ok(users::table.count().get_result(conn)?)
}

/// How many users with a role are not blocked.
pub fn count_active_with_role(conn: &mut DbConnection, role: &str) -> Result<i64, StorageError> {
    Ok(user_roles::table
        .inner_join(users::table)
        .filter(user_roles::role.eq(role))
        .filter(users::blocked_at.is_null())
        .count()
        .get_result(conn)?)
}

/// The roles that anybody has, in alphabetical order, the first `limit`.
pub fn all_roles(conn: &mut DbConnection, limit: i64) -> Result<Vec<String>, StorageError> {
    Ok(user_roles::table
        .select(user_roles::role)
        .distinct()
        .order(user_roles::role)
        .limit(limit)
        .load(conn)?)
}

/// The roles of a user, in alphabetical order.
pub fn roles(conn: &mut DbConnection, user_id: &str) -> Result<Vec<String>, StorageError> {
    let roles = on!(conn, |c| user_roles::table
        .filter(user_roles::user_id.eq(user_id))
        .order(user_roles::role)
        .select(user_roles::role)
        .load(c));
    Ok(roles?)
}

/// The groups of a user, in alphabetical order.
pub fn groups(conn: &mut DbConnection, user_id: &str) -> Result<Vec<String>, StorageError> {
    let groups = on!(conn, |c| user_groups::table
        .filter(user_groups::user_id.eq(user_id))
        .order(user_groups::group_name)
        .select(user_groups::group_name)
        .load(c));
    Ok(groups?)
}

/// The roles and the groups of a user, each in alphabetical order, in one query.
pub fn roles_and_groups(
    conn: &mut DbConnection,
    user_id: &str,
) -> Result<(Vec<String>, Vec<String>), StorageError> {
    let rows: Vec<(bool, String)> = on!(conn, |c| user_roles::table
        .filter(user_roles::user_id.eq(user_id))
        .select((true.into_sql::<Bool>(), user_roles::role))
        .union_all(
            user_groups::table
                .filter(user_groups::user_id.eq(user_id))
                .select((false.into_sql::<Bool>(), user_groups::group_name)),
        )
        .load(c))?;
    let (mut roles, mut groups) = (Vec::new(), Vec::new());
    for (is_role, name) in rows {
        if is_role { roles.push(name) } else { groups.push(name) }
    }
    roles.sort_unstable();
    groups.sort_unstable();
    Ok((roles, groups))
}

/// Gives a user exactly these roles.
pub fn set_roles(
    conn: &mut DbConnection,
    user_id: &str,
    roles: &[String],
) -> Result<(), StorageError> {
    diesel::delete(user_roles::table.filter(user_roles::user_id.eq(user_id))).execute(conn)?;
    for role in roles {
        diesel::insert_into(user_roles::table)
            .values((user_roles::user_id.eq(user_id), user_roles::role.eq(role)))
            .execute(conn)?;
    }
    Ok(())
}

/// Puts a user into exactly these groups.
pub fn set_groups(
    conn: &mut DbConnection,
    user_id: &str,
    groups: &[String],
) -> Result<(), StorageError> {
    diesel::delete(user_groups::table.filter(user_groups::user_id.eq(user_id))).execute(conn)?;
    for group in groups {
        diesel::insert_into(user_groups::table)
            .values((user_groups::user_id.eq(user_id), user_groups::group_name.eq(group)))
            .execute(conn)?;
    }
    Ok(())
}

diesel::joinable!(user_roles -> users (user_id));

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = users)]
struct Row {
    id: String,
    email: String,
    email_verified: bool,
    username: Option<String>,
    name: Option<String>,
    claims: String,
    password_hash: Option<String>,
    password_changed_at: Option<i64>,
    blocked_at: Option<i64>,
    blocked_reason: Option<String>,
    language: Option<String>,
    created_at: i64,
    updated_at: i64,
    last_sign_in_at: Option<i64>,
}

impl From<&User> for Row {
    fn from(user: &User) -> Self {
        let user = user.clone();
        Self {
            id: user.id,
            email: user.email,
            email_verified: user.email_verified,
            username: user.username,
            name: user.name,
            claims: Value::Object(user.claims).to_string(),
            password_hash: user.password_hash,
            password_changed_at: user.password_changed_at.map(Timestamp::as_unix),
            blocked_at: user.blocked_at.map(Timestamp::as_unix),
            blocked_reason: user.blocked_reason,
            language: user.language,
            created_at: user.created_at.as_unix(),
            updated_at: user.updated_at.as_unix(),
            last_sign_in_at: user.last_sign_in_at.map(Timestamp::as_unix),
        }
    }
}

impl TryFrom<Row> for User {
    type Error = StorageError;

    fn try_from(row: Row) -> Result<Self, StorageError> {
        let claims = serde_json::from_str(&row.claims);
        Ok(Self {
            id: row.id,
            email: row.email,
            email_verified: row.email_verified,
            username: row.username,
            name: row.name,
            claims: claims.map_err(|_| StorageError::Corrupt("users.claims"))?,
            password_hash: row.password_hash,
            password_changed_at: row.password_changed_at.map(Timestamp::from_unix),
            blocked_at: row.blocked_at.map(Timestamp::from_unix),
            blocked_reason: row.blocked_reason,
            language: row.language,
            created_at: Timestamp::from_unix(row.created_at),
            updated_at: Timestamp::from_unix(row.updated_at),
            last_sign_in_at: row.last_sign_in_at.map(Timestamp::from_unix),
        })
    }
}
