using Piwheels.Core.States;

namespace Piwheels.Core.AccessLog;

/// <summary>
/// Who sent a request, by its User-Agent header. What it tells is read once, however many requests it sends.
/// </summary>
public sealed class WebAgent
{
    /// <summary>A request without the header.</summary>
    public static readonly WebAgent None = new("");

    private readonly string _header;
    private InstallerState? _installer;

    public WebAgent(string? header)
    {
        _header = header ?? "";
        IsNamed = !string.IsNullOrWhiteSpace(_header);
        Family = UserAgent.Family(_header);
    }

    /// <summary>Whether it says anything: who does not is not counted.</summary>
    public bool IsNamed { get; }

    /// <inheritdoc cref="UserAgent.Family"/>
    public string Family { get; }

    /// <inheritdoc cref="UserAgent.IsInstaller"/>
    public bool IsInstaller => UserAgent.IsInstallersFamily(Family);

    /// <inheritdoc cref="UserAgent.ReadInstaller"/>
    public InstallerState Installer => _installer ??= UserAgent.ReadInstaller(_header);
}
