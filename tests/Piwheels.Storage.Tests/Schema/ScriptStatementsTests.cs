using Piwheels.Storage.Schema;
using Xunit;

namespace Piwheels.Storage.Tests.Schema;

public sealed class ScriptStatementsTests
{
    [Theory]
    [InlineData("")]
    [InlineData("  \n ")]
    [InlineData(";;  ;")]
    [InlineData("-- nothing; here")]
    [InlineData("/* nothing; here */ ; -- or; here\n")]
    [InlineData("SELECT 1", "SELECT 1")]
    [InlineData("SELECT 1;", "SELECT 1")]
    [InlineData(" SELECT 1 ; SELECT 2 ", "SELECT 1", "SELECT 2")]
    [InlineData("-- first;\nSELECT 1;\n/* second; */\nSELECT 2;", "SELECT 1", "SELECT 2")]
    [InlineData("SELECT -- a; b\n 1; SELECT 2", "SELECT -- a; b\n 1", "SELECT 2")]
    [InlineData("SELECT /* a; /* b; */ c; */ 1; SELECT 2", "SELECT /* a; /* b; */ c; */ 1", "SELECT 2")]
    [InlineData("SELECT /*/ ; */ 1;", "SELECT /*/ ; */ 1")]
    [InlineData("SELECT ';', '--', '/*'; SELECT 2", "SELECT ';', '--', '/*'", "SELECT 2")]
    [InlineData("SELECT 'it''s;'; SELECT 2", "SELECT 'it''s;'", "SELECT 2")]
    [InlineData("SELECT '\\'; SELECT 2", "SELECT '\\'", "SELECT 2")]
    [InlineData("SELECT E'\\';'; SELECT 2", "SELECT E'\\';'", "SELECT 2")]
    [InlineData("SELECT e'\\\\'; SELECT 2", "SELECT e'\\\\'", "SELECT 2")]
    [InlineData("SELECT E'it''s;\\''; SELECT 2", "SELECT E'it''s;\\''", "SELECT 2")]
    [InlineData("SELECT nameE'\\'; SELECT 2", "SELECT nameE'\\'", "SELECT 2")]
    [InlineData("SELECT \";\", \"a\"\";\"; SELECT 2", "SELECT \";\", \"a\"\";\"", "SELECT 2")]
    [InlineData("SELECT \"E\"';'; SELECT 2", "SELECT \"E\"';'", "SELECT 2")]
    [InlineData("DO $$BEGIN; END$$; SELECT 2", "DO $$BEGIN; END$$", "SELECT 2")]
    [InlineData("DO $a$ $b$ ; $$ ' $a$; SELECT 2", "DO $a$ $b$ ; $$ ' $a$", "SELECT 2")]
    [InlineData("SELECT $1; SELECT $2", "SELECT $1", "SELECT $2")]
    [InlineData("SELECT a$b$; SELECT c$b$", "SELECT a$b$", "SELECT c$b$")]
    [InlineData("SELECT 3 - 2 / 1; SELECT 2", "SELECT 3 - 2 / 1", "SELECT 2")]
    [InlineData("SELECT 'ä;'; SELECT \"ß;\"", "SELECT 'ä;'", "SELECT \"ß;\"")]
    [InlineData("SELECT E'a'\n'\\';'; SELECT 2", "SELECT E'a'\n'\\';'", "SELECT 2")]
    [InlineData("SELECT E'a' -- ;\n'\\'; SELECT 2", "SELECT E'a' -- ;\n'\\'", "SELECT 2")]
    [InlineData("SELECT E'a'\n-- ;\n'\\';'; SELECT 2", "SELECT E'a'\n-- ;\n'\\';'", "SELECT 2")]
    [InlineData("SELECT 'a'\n'\\'; SELECT 2", "SELECT 'a'\n'\\'", "SELECT 2")]
    [InlineData("SELECT E'a', '\\'; SELECT 2", "SELECT E'a', '\\'", "SELECT 2")]
    [InlineData("SELECT U&'\\0061;', U&\"a;\"; SELECT 2", "SELECT U&'\\0061;', U&\"a;\"", "SELECT 2")]
    [InlineData("SELECT B'1', X'f', n';'; SELECT 2", "SELECT B'1', X'f', n';'", "SELECT 2")]
    [InlineData("SELECT 1$$;$$; SELECT 2", "SELECT 1$$;$$", "SELECT 2")]
    [InlineData("SELECT $1$$;$$; SELECT 2", "SELECT $1$$;$$", "SELECT 2")]
    [InlineData("SELECT $1a; SELECT 2", "SELECT $1a", "SELECT 2")]
    [InlineData("SELECT €$a$; SELECT €$a$", "SELECT €$a$", "SELECT €$a$")]
    [InlineData("SELECT $ä_1$;$ä_1$; SELECT 2", "SELECT $ä_1$;$ä_1$", "SELECT 2")]
    [InlineData("SELECT $a$;$A$;$a$; SELECT 2", "SELECT $a$;$A$;$a$", "SELECT 2")]
    [InlineData("SELECT $$;$ $;$$; SELECT 2", "SELECT $$;$ $;$$", "SELECT 2")]
    [InlineData("SELECT 1 -- ;\r, 2; SELECT 2", "SELECT 1 -- ;\r, 2", "SELECT 2")]
    [InlineData("SELECT 1 AS \u00a0; SELECT 2", "SELECT 1 AS \u00a0", "SELECT 2")]
    [InlineData("SELECT 1 OPERATOR(pg_catalog.*) /* ; */ 2; SELECT 2", "SELECT 1 OPERATOR(pg_catalog.*) /* ; */ 2", "SELECT 2")]
    [InlineData("SELECT '/*', ';'; SELECT '*/'", "SELECT '/*', ';'", "SELECT '*/'")]
    [InlineData("SELECT /* ' */ 1; SELECT /* \" */ 2", "SELECT /* ' */ 1", "SELECT /* \" */ 2")]
    [InlineData("SELECT 1 --'\n; SELECT 2", "SELECT 1 --'", "SELECT 2")]
    [InlineData("SELECT 1;--", "SELECT 1")]
    public void A_script_falls_into_its_statements(string script, params string[] statements) =>
        Assert.Equal(statements, ScriptStatements.Parse(script));

    [Theory]
    [InlineData("SELECT 1;\nSELECT 'x", "line 2")]
    [InlineData("SELECT \"x", "line 1")]
    [InlineData("SELECT E'x\\'", "line 1")]
    [InlineData("DO $a$ $b$", "line 1")]
    [InlineData("SELECT /* /* */ 1", "line 1")]
    [InlineData("SELECT 1; /* ", "line 1")]
    [InlineData("SELECT 1;\n\n/*/", "line 3")]
    [InlineData("'", "line 1")]
    [InlineData("\"", "line 1")]
    [InlineData("E'\\", "line 1")]
    [InlineData("SELECT E'a'\n'b\\'", "line 1")]
    [InlineData("SELECT 'a''", "line 1")]
    [InlineData("$$", "line 1")]
    [InlineData("SELECT $a$ $A$", "line 1")]
    [InlineData("SELECT $a$ $a", "line 1")]
    [InlineData("SELECT 1;\nSELECT $a$ ' $$ \" /* --", "line 2")]
    public void What_is_not_closed_is_refused(string script, string where)
    {
        var fault = Assert.Throws<FormatException>(() => ScriptStatements.Parse(script).ToList());
        Assert.Contains(where, fault.Message, StringComparison.Ordinal);
    }
}
