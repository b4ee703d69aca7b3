namespace Piwheels.Core.AccessLog;

/// <summary>One request that a web server answered, as its log tells it.</summary>
/// <param name="Target">The request target as sent: path, and perhaps a query; percent-encoded.</param>
/// <param name="UserAgent">The User-Agent header; null or empty when there was none.</param>
/// <param name="Host">The client's IP address.</param>
public readonly record struct WebRequest(
    string Method,
    string Target,
    int Status,
    string? UserAgent,
    string Host,
    DateTimeOffset Timestamp);
