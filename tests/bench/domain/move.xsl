<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:template match="@*|node()">
    <xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy>
  </xsl:template>
  <xsl:template match="/domain/devices/interface[@type='network' and source/@network='default']">
    <xsl:copy><xsl:apply-templates select="@*|node()[not(self::virtualport) and not(self::target[starts-with(@dev, 'vnet')])]"/></xsl:copy>
  </xsl:template>
  <xsl:template match="/domain/devices/interface[@type='network']/source[@network='default']">
    <source network="bridge-network"/>
  </xsl:template>
</xsl:stylesheet>
