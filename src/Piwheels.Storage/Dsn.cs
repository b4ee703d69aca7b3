using Npgsql;

namespace Piwheels.Storage;

/// <summary>
/// Where a database is. Read from a URI as libpq knows it (<c>postgresql://user:password@host:port/name?key=value</c>,
/// PostgreSQL documentation 34.1.1.2) or from Npgsql's own form (<c>Host=...;Database=...</c>). Without a host it is
/// the machine's own server behind its unix socket.
/// </summary>
public sealed class Dsn
{
    private const int DefaultPort = 5432;

    private static readonly string[] Schemes = ["postgresql://", "postgres://"];

    /// <summary>Where Debian's and upstream's servers put their sockets.</summary>
    private static readonly string[] SocketFolders = ["/var/run/postgresql", "/tmp"];

    private readonly NpgsqlConnectionStringBuilder _settings;

    private Dsn(NpgsqlConnectionStringBuilder settings) => _settings = settings;

    public string Host => _settings.Host!;
    public int Port => _settings.Port;
    public string Database => _settings.Database!;
    public string Username => _settings.Username!;

    /// <summary>Reads either form.</summary>
    /// <exception cref="FormatException">It is neither, or names a setting that does not exist.</exception>
    public static Dsn Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var scheme = Schemes.FirstOrDefault(s => text.StartsWith(s, StringComparison.OrdinalIgnoreCase));
        NpgsqlConnectionStringBuilder settings;
        if (scheme is not null)
        {
            settings = ParseUri(text, text[scheme.Length..]);
        }
        else if (text.Contains('=', StringComparison.Ordinal) && !text.Contains("://", StringComparison.Ordinal))
        {
            settings = ParseKeywords(text);
        }
        else
        {
            throw new FormatException(
                $"'{Hidden(text)}' is no database address: postgresql:///NAME, postgresql://USER:PASSWORD@HOST:PORT/NAME "
                + "or Host=...;Database=... is expected");
        }

        if (string.IsNullOrEmpty(settings.Username)) settings.Username = Environment.UserName;
        if (string.IsNullOrEmpty(settings.Database)) settings.Database = settings.Username;
        if (string.IsNullOrEmpty(settings.Host)) settings.Host = LocalHost(settings.Port);
        return new Dsn(settings);
    }

    /// <summary>The same server and user, another database.</summary>
    public Dsn WithDatabase(string name) => new(Copy(s => s.Database = name));

    /// <summary>The same database, as another user without a password.</summary>
    public Dsn WithUser(string name) => new(Copy(s => (s.Username, s.Password) = (name, null)));

    /// <summary>A copy of the settings, for Npgsql. Holds the password.</summary>
    internal NpgsqlConnectionStringBuilder ToSettings() => Copy(_ => { });

    /// <summary>As a URI without the password, for messages and logs.</summary>
    public override string ToString()
    {
        var host = Host.StartsWith('/') ? Uri.EscapeDataString(Host) : Host.Contains(':') ? $"[{Host}]" : Host;
        var port = Port == DefaultPort ? "" : $":{Port}";
        return $"postgresql://{Uri.EscapeDataString(Username)}@{host}{port}/{Uri.EscapeDataString(Database)}";
    }

    private NpgsqlConnectionStringBuilder Copy(Action<NpgsqlConnectionStringBuilder> change)
    {
        var copy = new NpgsqlConnectionStringBuilder(_settings.ConnectionString);
        change(copy);
        return copy;
    }

    private static NpgsqlConnectionStringBuilder ParseKeywords(string text)
    {
        try
        {
            return new NpgsqlConnectionStringBuilder(text);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidCastException)
        {
            throw new FormatException($"'{Hidden(text)}' is no database address: {e.Message}", e);
        }
    }

    private static NpgsqlConnectionStringBuilder ParseUri(string whole, string rest)
    {
        var settings = new NpgsqlConnectionStringBuilder();
        var (beforeQuery, query) = Cut(rest, '?');
        var (authority, database) = Cut(beforeQuery, '/');
        var at = authority.LastIndexOf('@');
        if (at >= 0)
        {
            var (user, password) = Cut(authority[..at], ':');
            if (user.Length > 0) settings.Username = Uri.UnescapeDataString(user);
            if (password.Length > 0) settings.Password = Uri.UnescapeDataString(password);
        }

        ParseHost(whole, authority[(at + 1)..], settings);
        if (database.Length > 0) settings.Database = Uri.UnescapeDataString(database);
        foreach (var pair in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (key, value) = Cut(pair, '=');
            Apply(whole, Uri.UnescapeDataString(key), Uri.UnescapeDataString(value), settings);
        }

        return settings;
    }

    private static void ParseHost(string whole, string text, NpgsqlConnectionStringBuilder settings)
    {
        var host = text;
        var port = "";
        var bracket = text.StartsWith('[') ? text.IndexOf(']') : -1;
        if (bracket > 0)
        {
            host = text[1..bracket];
            port = text[(bracket + 1)..].TrimStart(':');
        }
        else
        {
            (host, port) = Cut(text, ':');
        }

        if (host.Length > 0) settings.Host = Uri.UnescapeDataString(host);
        if (port.Length > 0) Apply(whole, "port", port, settings);
    }

    /// <summary>Sets one of libpq's parameters, or whatever else Npgsql knows by that name.</summary>
    private static void Apply(string whole, string key, string value, NpgsqlConnectionStringBuilder settings)
    {
        try
        {
            switch (key)
            {
                case "dbname": settings.Database = value; break;
                case "user": settings.Username = value; break;
                case "sslmode": settings.SslMode = ParseSslMode(value); break;
                case "sslrootcert": settings.RootCertificate = value; break;
                case "sslcert": settings.SslCertificate = value; break;
                case "sslkey": settings.SslKey = value; break;
                case "application_name": settings.ApplicationName = value; break;
                case "connect_timeout": settings["Timeout"] = value; break;
                default: settings[key] = value; break;
            }
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidCastException or OverflowException)
        {
            throw new FormatException($"'{Hidden(whole)}' is no database address: '{value}' for {key}: {e.Message}", e);
        }
    }

    private static SslMode ParseSslMode(string value) => value switch
    {
        "disable" => SslMode.Disable,
        "allow" => SslMode.Allow,
        "prefer" => SslMode.Prefer,
        "require" => SslMode.Require,
        "verify-ca" => SslMode.VerifyCA,
        "verify-full" => SslMode.VerifyFull,
        _ => throw new FormatException("one of disable, allow, prefer, require, verify-ca, verify-full is expected"),
    };

    private static string LocalHost(int port) =>
        SocketFolders.FirstOrDefault(folder => File.Exists($"{folder}/.s.PGSQL.{port}")) ?? SocketFolders[0];

    /// <summary>The text with a password of either form blanked.</summary>
    private static string Hidden(string text)
    {
        var at = text.LastIndexOf('@');
        var scheme = text.IndexOf("://", StringComparison.Ordinal);
        if (scheme >= 0 && at > scheme)
        {
            var colon = text.IndexOf(':', scheme + 3);
            return colon >= 0 && colon < at ? $"{text[..colon]}:***{text[at..]}" : text;
        }

        var password = text.IndexOf("password", StringComparison.OrdinalIgnoreCase);
        return password < 0 ? text : $"{text[..password]}...";
    }

    private static (string Before, string After) Cut(string text, char separator)
    {
        var at = text.IndexOf(separator);
        return at < 0 ? (text, "") : (text[..at], text[(at + 1)..]);
    }
}
