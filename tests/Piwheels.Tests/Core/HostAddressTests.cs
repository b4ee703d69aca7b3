using Piwheels.Core.AccessLog;
using Xunit;

namespace Piwheels.Tests.Core;

public sealed class HostAddressTests
{
    [Theory]
    [InlineData("192.0.2.1")]
    [InlineData("0.0.0.0")]
    [InlineData("255.255.255.255")]
    [InlineData("::1")]
    [InlineData("2001:db8::1")]
    [InlineData("2001:DB8:0:0:0:0:0:1")]
    [InlineData("::ffff:192.0.2.1")]
    public void An_address_is_taken(string text) => Assert.True(HostAddress.TryParse(text, out _));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("127.1")]
    [InlineData("0x7f.0.0.1")]
    [InlineData("010.0.0.1")]
    [InlineData("256.0.0.1")]
    [InlineData("192.0.2.1 ")]
    [InlineData("192.0.2.1:80")]
    [InlineData("192.0.2.0/24")]
    [InlineData("[::1]")]
    [InlineData("[::1]:80")]
    [InlineData("fe80::1%eth0")]
    [InlineData("example.org")]
    public void Anything_else_is_refused(string? text) => Assert.False(HostAddress.TryParse(text, out _));
}
