using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace Piwheels.Web;

/// <summary>
/// The certificate with the chain that its file has, for each connection that begins. Files that have been replaced, as
/// certificates are every few weeks, are read again; until they can be, what was read before stays.
/// </summary>
internal sealed partial class TlsCertificate
{
    /// <summary>How often the files are looked at, at most.</summary>
    internal static readonly TimeSpan LookInterval = TimeSpan.FromMinutes(1);

    private readonly string _file;
    private readonly string? _keyFile;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private (DateTime Certificate, DateTime Key) _written;
    private DateTimeOffset _looked;
    private SslStreamCertificateContext _context;

    /// <exception cref="WebServerException">They cannot be read, or do not belong together.</exception>
    internal TlsCertificate(string file, string? keyFile, TimeProvider time, ILogger logger)
    {
        _file = file;
        _keyFile = keyFile;
        _time = time;
        _logger = logger;
        _looked = time.GetUtcNow();
        _written = Written();
        _context = Read();
    }

    /// <summary>What a connection that begins now is to be shown.</summary>
    internal SslStreamCertificateContext Current()
    {
        lock (_lock)
        {
            var now = _time.GetUtcNow();
            if (now - _looked < LookInterval) return _context;
            _looked = now;
            var written = Written();
            if (written == _written) return _context;
            try
            {
                _context = Read();
                _written = written;
            }
            catch (WebServerException fault)
            {
                // Certificate and key are replaced one after the other: the next look may find both
                NotRead(_logger, fault.Message);
            }

            return _context;
        }
    }

    private (DateTime Certificate, DateTime Key) Written() =>
        (File.GetLastWriteTimeUtc(_file), File.GetLastWriteTimeUtc(_keyFile ?? _file));

    private SslStreamCertificateContext Read()
    {
        try
        {
            var all = new X509Certificate2Collection();
            all.ImportFromPemFile(_file);
            var own = X509Certificate2.CreateFromPemFile(_file, _keyFile);
            return SslStreamCertificateContext.Create(own, all, offline: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new WebServerException($"cannot read the certificate {_file}: {failure.Message}", failure);
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "{Reason}; the one read before stays")]
    private static partial void NotRead(ILogger logger, string reason);
}
