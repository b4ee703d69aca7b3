using Xunit;

namespace Piwheels.Storage.Tests;

public sealed class DsnTests
{
    [Theory]
    [InlineData("postgresql://joe:secret@db.example.org:5433/wheels", "db.example.org", 5433, "wheels", "joe")]
    [InlineData("postgres://joe@db/wheels", "db", 5432, "wheels", "joe")]
    [InlineData("POSTGRES://joe@db/wheels", "db", 5432, "wheels", "joe")]
    [InlineData("postgresql://joe@[2001:db8::1]:5433/wheels", "2001:db8::1", 5433, "wheels", "joe")]
    [InlineData("postgresql://joe@[::1]/wheels", "::1", 5432, "wheels", "joe")]
    [InlineData("postgresql://joe@%2Frun%2Fpg/wheels", "/run/pg", 5432, "wheels", "joe")]
    [InlineData("postgresql://joe@/wheels?host=/run/pg&port=5433", "/run/pg", 5433, "wheels", "joe")]
    [InlineData("postgresql://j%40e:s%3A%2F@db/a%20b", "db", 5432, "a b", "j@e")]
    [InlineData("postgresql://joe@db", "db", 5432, "joe", "joe")]
    [InlineData("postgresql://db/wheels?user=joe&password=x&application_name=me", "db", 5432, "wheels", "joe")]
    [InlineData("postgresql://?host=db&dbname=wheels&user=joe", "db", 5432, "wheels", "joe")]
    [InlineData("Host=db;Port=5433;Database=wheels;Username=joe;Password=x", "db", 5433, "wheels", "joe")]
    [InlineData("Host=/run/pg;Database=wheels;Username=joe", "/run/pg", 5432, "wheels", "joe")]
    public void An_address_is_read(string text, string host, int port, string database, string user)
    {
        var dsn = Dsn.Parse(text);
        Assert.Equal((host, port, database, user), (dsn.Host, dsn.Port, dsn.Database, dsn.Username));
    }

    [Fact]
    public void Without_a_host_it_is_the_machines_own_server_and_without_a_user_our_own()
    {
        foreach (var text in new[] { "postgresql:///wheels", "Database=wheels" })
        {
            var dsn = Dsn.Parse(text);
            Assert.StartsWith("/", dsn.Host, StringComparison.Ordinal);
            Assert.Equal(("wheels", Environment.UserName), (dsn.Database, dsn.Username));
        }
    }

    [Theory]
    [InlineData("verify-full", Npgsql.SslMode.VerifyFull)]
    [InlineData("require", Npgsql.SslMode.Require)]
    [InlineData("disable", Npgsql.SslMode.Disable)]
    public void The_wish_for_TLS_is_read(string text, Npgsql.SslMode mode) =>
        Assert.Equal(mode, Dsn.Parse($"postgresql://db/wheels?sslmode={text}&connect_timeout=3").ToSettings().SslMode);

    [Theory]
    [InlineData("")]
    [InlineData("wheels")]
    [InlineData("mysql://db/wheels")]
    [InlineData("postgresql://db:port/wheels")]
    [InlineData("postgresql://db:0/wheels")]
    [InlineData("postgresql://db/wheels?sslmode=perhaps")]
    [InlineData("postgresql://db/wheels?no_such_setting=1")]
    [InlineData("postgresql://db/wheels?port=many")]
    [InlineData("Host=db;NoSuchSetting=1")]
    [InlineData("Host=db;Port=many")]
    public void What_is_no_address_is_refused(string text) => Assert.Throws<FormatException>(() => Dsn.Parse(text));

    [Fact]
    public void A_password_shows_in_no_message()
    {
        Assert.Equal("postgresql://joe@db:5433/wheels", Dsn.Parse("postgres://joe:secret@db:5433/wheels").ToString());
        foreach (var text in new[]
        {
            "mysql://joe:secret@db/wheels", "postgresql://joe:secret@db/wheels?x=1", "Host=db;Password=secret;X=1",
        })
        {
            var fault = Assert.Throws<FormatException>(() => Dsn.Parse(text));
            Assert.DoesNotContain("secret", fault.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void What_it_says_of_itself_can_be_read_again()
    {
        foreach (var text in new[] { "postgresql://j%40e@%2Frun%2Fpg:5433/a%20b", "postgresql://joe@[::1]/wheels" })
        {
            Assert.Equal(text, Dsn.Parse(text).ToString());
            Assert.Equal(text, Dsn.Parse(Dsn.Parse(text).ToString()).ToString());
        }
    }
}
