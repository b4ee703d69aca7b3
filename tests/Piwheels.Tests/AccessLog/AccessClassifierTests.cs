using FsCheck.Xunit;
using Piwheels.Core.AccessLog;
using Piwheels.Core.States;
using Xunit;

namespace Piwheels.Tests.AccessLog;

public sealed class AccessClassifierTests
{
    private const string Pip =
        """pip/23.0.1 {"ci":null,"cpu":"armv7l","distro":{"id":"bookworm","libc":{"lib":"glibc","version":"2.36"},"name":"Raspbian GNU/Linux","version":"12"},"implementation":{"name":"CPython","version":"3.11.2"},"installer":{"name":"pip","version":"23.0.1"},"openssl_version":"OpenSSL 3.0.9 30 May 2023","python":"3.11.2","setuptools_version":"66.1.1","system":{"name":"Linux","release":"6.1.21-v7l+"}}""";

    private const string Uv =
        """uv/0.5.1 {"installer":{"name":"uv","version":"0.5.1"},"python":"3.12.3","implementation":{"name":"CPython","version":"3.12.3"},"distro":{"name":"Ubuntu","version":"24.04","id":"noble","libc":null},"system":{"name":"Linux","release":"6.8.0"},"cpu":"aarch64","openssl_version":null,"setuptools_version":null,"rustc_version":null,"ci":null}""";

    private const string Browser = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36";
    private const string Host = "2001:db8::17";
    private static readonly DateTimeOffset Time = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private static readonly InstallerState FromPip = new(
        "armv7l", "Raspbian GNU/Linux", "12", "Linux", "6.1.21-v7l+", "CPython", "3.11.2", "pip", "23.0.1", "66.1.1");

    private static AccessState? Classify(
        string target, string? agent = Browser, string method = "GET", int status = 200) =>
        AccessClassifier.Classify(new WebRequest(method, target, status, agent, Host, Time));

    [Fact]
    public void A_wheel_is_a_download_by_whoever_asked()
    {
        const string Wheel = "six-1.16.0-py2.py3-none-any.whl";
        Assert.Equal(new DownloadState(Wheel, Host, Time, FromPip), Classify($"/simple/six/{Wheel}", Pip));
        Assert.Equal(new DownloadState(Wheel, Host, Time, InstallerState.Unknown), Classify($"/simple/six/{Wheel}"));
        Assert.Equal(
            new DownloadState("a-1+l-py3-none-any.whl", Host, Time, InstallerState.Unknown),
            Classify("/simple/a/a-1%2Bl-py3-none-any.whl?x=1"));
    }

    [Fact]
    public void An_index_is_a_search_when_an_installer_asks()
    {
        Assert.Equal(new SearchState("simple-json", Host, Time, FromPip), Classify("/simple/Simple_JSON/", Pip));
        Assert.Equal(
            new InstallerState("aarch64", "Ubuntu", "24.04", "Linux", "6.8.0", "CPython", "3.12.3", "uv", "0.5.1",
                null),
            Assert.IsType<SearchState>(Classify("/simple/six/", Uv)).Installer);
        Assert.Null(Classify("/simple/six/"));
    }

    [Fact]
    public void Pages_count_by_what_they_are()
    {
        Assert.Equal(new ProjectState("numpy", Host, Time, "mozilla"), Classify("/project/numpy/"));
        Assert.Equal(new ProjectState("numpy", Host, Time, "mozilla"), Classify("/project/NumPy/index.html"));
        Assert.Equal(new JsonState("numpy", Host, Time, "curl"), Classify("/project/numpy/json/", "curl/8.1"));
        Assert.Equal(new JsonState("numpy", Host, Time, "pip"), Classify("/project/numpy/json/index.json", Pip));
        Assert.Equal(new PageState("home", Host, Time, "mozilla"), Classify("/"));
        Assert.Equal(new PageState("home", Host, Time, "mozilla"), Classify("/index.html"));
        Assert.Equal(new PageState("faq", Host, Time, "mozilla"), Classify("/faq.html?from=mail#top"));
    }

    [Theory]
    [InlineData("/simple/")]
    [InlineData("/project/")]
    [InlineData("/simple/six/six-1.whl.metadata")]
    [InlineData("/simple/six/index.html")]
    [InlineData("/static/site.css")]
    [InlineData("/project/-bad-/")]
    [InlineData("/project//json/x")]
    [InlineData("/.html")]
    [InlineData("/a-page-with-a-name-beyond-the-limit.html")]
    [InlineData("http://elsewhere/")]
    [InlineData("*")]
    [InlineData("")]
    [InlineData("/%00.html")]
    [InlineData("/a%2fb.html")]
    [InlineData("/..%2f..%2fx.html")]
    public void The_rest_counts_as_nothing(string target) => Assert.Null(Classify(target, Pip));

    [Theory]
    [InlineData("HEAD", 200, Browser)]
    [InlineData("POST", 200, Browser)]
    [InlineData("GET", 206, Browser)]
    [InlineData("GET", 304, Browser)]
    [InlineData("GET", 404, Browser)]
    [InlineData("GET", 200, null)]
    [InlineData("GET", 200, " ")]
    public void Only_an_answered_get_with_an_agent_counts(string method, int status, string? agent) =>
        Assert.Null(Classify("/", agent, method, status));

    [Theory]
    [InlineData("pip/23.0.1 {")]
    [InlineData("pip/23.0.1 []")]
    [InlineData("pip/23.0.1 {\"cpu\":[1],\"distro\":\"x\",\"installer\":{\"name\":{}}}")]
    [InlineData("pip/23.0.1 {\"cpu\":\"\\ud800\"}")]
    [InlineData("pip/23.0.1 {\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}")]
    [InlineData("pip")]
    [InlineData("evil/1 {\"cpu\":\"x\"}")]
    public void Nonsense_of_an_installer_tells_nothing(string agent) =>
        Assert.Equal(InstallerState.Unknown, UserAgent.ReadInstaller(agent));

    [Fact]
    public void What_an_installer_tells_is_cut_and_cleaned_for_the_database()
    {
        var state = UserAgent.ReadInstaller(
            $$"""pip/1 {"cpu":"{{new string('x', 1000)}}","installer":{"name":"{{new string('y', 99)}}"},"python":"3\u0000.1\n"}""");
        Assert.Equal(new string('x', 100), state.Arch);
        Assert.Equal(new string('y', 20), state.InstallerName);
        Assert.Equal("3.1", state.PyVersion);
    }

    [Property]
    public void No_request_makes_it_fail(string? target, string? agent)
    {
        _ = Classify("/" + target, agent);
        _ = Classify("/simple/six/", "pip/1 {" + agent);
    }
}
